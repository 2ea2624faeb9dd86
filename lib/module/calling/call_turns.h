// Whose turn it is in a service that takes one call at a time. First come, first served, between
// callers that wait on their own thread and calls that wait for a worker.
#pragma once

#include "base/thread.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

namespace pinnate::module {

class Call;

class CallTurns {
 public:
  enum class Got { kTurn, kTimeout, kShut };

  // Blocks until it is the caller's turn. With kTurn, pair it with pass_on().
  Got wait(TimePoint limit);
  // True: it is the call's turn now. False: it was queued, and pass_on will return it.
  bool take_or_queue(const std::shared_ptr<Call>& call);
  // Ends a turn. The next one is either given to a waiting thread, or to the call that is returned.
  std::shared_ptr<Call> pass_on();
  // Takes a queued call out; false when it is not in the queue.
  bool forget(const Call* call);
  // Threads that wait, now or later, get kShut.
  void shut();

 private:
  struct Waiter {
    std::shared_ptr<Call> call;  // either a call,
    bool* granted = nullptr;  // or what a thread waits for, on its stack
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  bool taken_ = false, shut_ = false;
  std::deque<Waiter> queue_;
};

}  // namespace pinnate::module
