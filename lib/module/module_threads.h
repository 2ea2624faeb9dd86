// The threads on which modules are loaded, created, checked and destroyed, for all engines of the process. While modules return
// soon one thread does all that is ready, which costs no waking of another one for each engine that a publish reaches. One more
// thread, which no module ever gets, watches whether that goes on, and has others join in when it does not: a module that holds its
// thread, for long or for ever, holds up the orders of its own engine only (and what needs a lock of the C library that it holds).
#pragma once

#include "base/status.h"
#include "module/thread.h"

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

namespace pinnate::module {

class ModuleThreads : public std::enable_shared_from_this<ModuleThreads> {
 public:
  enum class State {
    idle,  // until it is called
    working,
    held,  // by a module, for so long that nobody counts on it until it comes back
    napping,  // between working and idle: it looks again soon
    gone,  // or going: it takes nothing any more
  };
  // One of the threads that modules get.
  struct Worker {
    Thread thread;
    State state = State::idle;
    std::uint64_t took = 0;  // the number of the queue that it took last
  };

  // Orders that are carried out one after the other.
  class Queue {
   public:
    virtual ~Queue() = default;
    // Carries out one on the calling thread, which is `worker`. True: there is more. It lets no exception out, but that of a
    // thread that a module ends under it; then it submits itself again for what is left.
    virtual bool work_on(const std::shared_ptr<Worker>& worker) = 0;
    // There is no thread for it, and none can be had. Throws nothing.
    virtual void refuse(const Status& why) = 0;
  };

  // Those of the process. Each user leaves once.
  static std::shared_ptr<ModuleThreads> join();
  // The last user ends the threads, waiting for each until the limit, and leaves behind those that still run.
  void leave(TimePoint limit);

  // Has a thread ready for the first order, which else starts it.
  void start();
  // Works on it until it has no more; in between, it is the others' turn. Failing: it is not taken.
  Status submit(std::shared_ptr<Queue> queue);
  // Its module holds it: it ends when it comes back.
  void leave_behind(const std::shared_ptr<Worker>& worker);

 private:
  std::size_t in(State state) const { return in_[static_cast<std::size_t>(state)]; }
  std::size_t at_work() const { return in(State::working) + in(State::napping) + called_; }
  std::size_t able() const { return in(State::idle) + in(State::working) + in(State::napping); }
  void become(Worker& worker, State state);
  Status start_worker();
  void retire(Worker& me);
  Status call_worker();
  Status start_watcher();
  void call_watcher();
  void live(const std::shared_ptr<Worker>& me);
  void work(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock);
  void go_on();
  void worker_ended(const std::shared_ptr<Worker>& me);
  void watch();
  void end(TimePoint limit);

  std::mutex mutex_;
  std::size_t users_ = 0;
  std::list<std::shared_ptr<Queue>> ready_;
  std::list<std::shared_ptr<Worker>> workers_;
  std::array<std::size_t, static_cast<std::size_t>(State::gone) + 1> in_{};  // how many are in each state
  std::size_t called_ = 0;  // of those that are idle, how many are on their way
  std::uint64_t taken_ = 0;  // queues, ever, from ready_
  Thread watcher_;
  bool watching_ = false;
  bool ending_ = false;
  std::condition_variable worker_called_, watcher_called_;
};

}  // namespace pinnate::module
