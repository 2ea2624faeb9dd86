// The threads on which calls run that come over links. One that a module keeps beyond the call's
// time is replaced, so a hanging module does not take the others' calls with it; when it comes back
// and is one too many, it ends.
#pragma once

#include "base/thread.h"
#include "module/calling/call.h"

#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

namespace pinnate::module {

class Workers {
 public:
  using Run = std::function<void(const std::shared_ptr<Call>&)>;

  // At most `threads` at work; `queue_limit` calls waiting, wherever they wait.
  Workers(std::uint32_t threads, std::uint32_t queue_limit, const sigset_t& signal_mask, Run run);

  // Threads start when calls come; each keeps `keep` alive.
  void use(std::weak_ptr<void> keep) { keep_ = std::move(keep); }

  // Counts a call as waiting; false when too many do. Pair it with begins().
  bool admit();
  void begins() { waiting_.fetch_sub(1, std::memory_order_relaxed); }

  // Runs it on a worker. False when there is no thread and none can be started.
  bool submit(std::shared_ptr<Call> call);
  // Takes it out of the queue; false when it is not in there.
  bool forget(const Call* call);
  // Its time is up and a worker may still be running it: another one takes that worker's place.
  void overdue(const Call* call);
  // Ends the threads, or leaves behind at the limit those that a module holds. No call is waiting.
  void stop(TimePoint limit);

 private:
  struct Worker {
    Thread thread;
    const Call* running = nullptr;
    bool overdue = false;
  };
  // Threads that modules hold for ever cost memory; beyond this many, their callers' time instead.
  static constexpr std::size_t kOverdueLimit = 64;

  bool start_locked();
  void work(const std::shared_ptr<Worker>& worker);
  std::size_t able_locked() const;

  const std::size_t threads_;
  const std::uint32_t queue_limit_;
  const sigset_t signal_mask_;
  const Run run_;
  std::weak_ptr<void> keep_;
  std::atomic<std::uint32_t> waiting_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Call>> queue_;
  std::list<std::shared_ptr<Worker>> workers_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace pinnate::module
