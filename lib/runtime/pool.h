// Threads for blocking work (disk, hashing, inflating): a few per process, shared by all handles;
// never libuv's pool.
#pragma once

#include <functional>
#include <memory>

namespace pinnate::runtime {

class Pool {
 public:
  static std::shared_ptr<Pool> shared();  // up to two threads, alive while anybody holds it
  static std::shared_ptr<Pool> for_disk();  // two more, for what waits until a disk has written
  static std::shared_ptr<Pool> for_names();  // one, for name lookup, which may take many seconds
  // Waits for nothing: work that was submitted still runs, and then the threads leave
  // (Thread::join_leaving waits for all but those for names). Any thread, one of the pool's too.
  virtual ~Pool() = default;
  // Any thread. Threads start when there is work for them; where the system has none to give, the
  // caller does the work. Work of which it throws (std::bad_alloc) never runs.
  virtual void submit(std::function<void()> work) = 0;
};

// Work that must be done in order, one at a time. What was submitted runs also when the strand
// goes.
class Strand {
 public:
  explicit Strand(std::shared_ptr<Pool> pool);
  // Where the pool has no memory to take it, the caller does the work that is queued.
  void submit(std::function<void()> work);

 private:
  struct State;
  std::shared_ptr<Pool> pool_;
  std::shared_ptr<State> state_;
};

}  // namespace pinnate::runtime
