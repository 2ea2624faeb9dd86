#include "module/calling/call_turns.h"

#include <algorithm>

namespace pinnate::module {

CallTurns::Got CallTurns::wait(TimePoint limit) {
  std::unique_lock lock(mutex_);
  if (shut_) return Got::kShut;
  if (!taken_) {
    taken_ = true;
    return Got::kTurn;
  }
  bool granted = false;
  queue_.push_back({nullptr, &granted});
  changed_.wait_until(lock, limit, [&] { return granted || shut_; });
  if (granted) return Got::kTurn;
  queue_.erase(std::find_if(queue_.begin(), queue_.end(), [&](const Waiter& w) { return w.granted == &granted; }));
  return shut_ ? Got::kShut : Got::kTimeout;
}

bool CallTurns::take_or_queue(const std::shared_ptr<Call>& call) {
  const std::lock_guard lock(mutex_);
  if (taken_) {
    queue_.push_back({call, nullptr});
    return false;
  }
  return taken_ = true;
}

std::shared_ptr<Call> CallTurns::pass_on() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    taken_ = false;
    return nullptr;
  }
  Waiter next = std::move(queue_.front());
  queue_.pop_front();
  if (next.granted) {
    *next.granted = true;
    changed_.notify_all();
  }
  return std::move(next.call);
}

bool CallTurns::forget(const Call* call) {
  std::shared_ptr<Call> forgotten;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(queue_.begin(), queue_.end(), [&](const Waiter& w) { return w.call.get() == call; });
  if (it == queue_.end()) return false;
  forgotten = std::move(it->call);
  queue_.erase(it);
  return true;
}

void CallTurns::shut() {
  const std::lock_guard lock(mutex_);
  shut_ = true;
  changed_.notify_all();
}

}  // namespace pinnate::module
