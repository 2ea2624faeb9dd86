// The threads on which modules are loaded, created, checked and destroyed, for all engines of the process. One does all that is
// ready while modules return soon: a thread that is awake costs nothing to wake, where a publish reaches a thousand engines at
// once. Another one watches whether that gets on, and joins in when it does not, so a module that holds a thread for long or for ever
// holds up the orders of its own engine only (and what needs a lock of the C library that it holds).
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
    watching,
    working,
    held,  // by a module, for so long that nobody counts on it until it comes back
    napping,  // between working and idle: it looks again soon
    gone,  // or going, and nobody's any more
  };
  // One of the threads.
  struct Worker {
    Thread thread;
    State state = State::idle;
  };

  // Orders that are carried out one after the other.
  class Queue {
   public:
    virtual ~Queue() = default;
    // Carries out one on the calling thread, which is `worker`. True: there is more. It lets no exception out, but that of a
    // thread that is being ended under it; then it submits itself again for what is left.
    virtual bool work_on(const std::shared_ptr<Worker>& worker) = 0;
  };

  // Those of the process. Each user leaves once.
  static std::shared_ptr<ModuleThreads> join();
  // The last user ends the threads, waiting for each until the limit, and leaves behind those that still run.
  void leave(TimePoint limit);

  // Has threads ready for the first order, which else starts them.
  void start();
  // Works on it until it has no more; in between, it is the others' turn. Failing: there is no thread and none can be had.
  Status submit(std::shared_ptr<Queue> queue);
  // Something waits that was submitted: where there was no thread for it, there may be one now.
  void look_after();
  // Its module holds it: it ends when it comes back. What is ready is not held up by it any longer.
  void leave_behind(const std::shared_ptr<Worker>& worker);

 private:
  std::size_t in(State state) const { return in_[static_cast<std::size_t>(state)]; }
  std::size_t at_work() const { return in(State::working) + in(State::napping); }
  void become(Worker& worker, State state);
  bool watched_over() const { return called_ || in(State::watching) > 0; }
  Status start_locked();
  Status call_locked(std::condition_variable** wake);
  bool call_needed_locked() const;
  void live(const std::shared_ptr<Worker>& me);
  bool watch(std::unique_lock<std::mutex>& lock);
  void work(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock);
  void ended(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock);
  void end(TimePoint limit);

  std::mutex mutex_;
  std::size_t users_ = 0;
  std::condition_variable idle_changed_, watched_, ending_changed_;
  std::list<std::shared_ptr<Queue>> ready_;
  std::list<std::shared_ptr<Worker>> workers_;
  std::array<std::size_t, 6> in_{};  // how many are in each state
  std::shared_ptr<Worker> last_ended_;  // whom the next one that ends joins
  std::uint64_t taken_ = 0;  // queues, ever, from ready_
  bool called_ = false;  // a thread is to come and look at what is ready
  bool ending_ = false;
};

}  // namespace pinnate::module
