// Threads for blocking work (disk, hashing, inflating): a few per process, shared by all handles; never libuv's global pool.
#pragma once

#include <functional>
#include <memory>

namespace pinnate::runtime {

class Pool {
 public:
  static std::shared_ptr<Pool> shared();  // two threads, alive while anybody holds it
  virtual ~Pool() = default;
  virtual void submit(std::function<void()> work) = 0;
};

// Work that must be done in order, one at a time: a store's.
class Strand {
 public:
  explicit Strand(std::shared_ptr<Pool> pool);
  ~Strand();  // does not wait: work that was submitted still runs
  void submit(std::function<void()> work);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pinnate::runtime
