#include "module/lasting/alarms.h"

#include "base/guarded.h"

#include <array>

namespace pinnate::module {

bool Alarms::start_locked() {
  if (thread_.started()) return true;
  auto thread = Thread::start("pinnate-alarms", [this, keep = keep_.lock()] { run(); });
  if (!thread.ok()) return false;
  thread_ = std::move(*thread);
  return true;
}

void Alarms::set(const Key& key, Ring ring) {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_ && start_locked()) {
      set_.emplace(key, std::move(ring));
      // Most alarms are cancelled before their time, and the next is for later: no reason to wake
      // the thread for each.
      if (key.first < sleeps_until_) changed_.notify_one();
      return;
    }
  }
  ring(true);
}

void Alarms::cancel(const Key& key) {
  std::map<Key, Ring>::node_type ended;  // destroyed outside the lock: it may own anything
  const std::lock_guard lock(mutex_);
  ended = set_.extract(key);
}

void Alarms::post(std::function<void()> work) {
  set(key(TimePoint::min()), [work = std::move(work)](bool) { work(); });
}

void Alarms::run() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    sleeps_until_ = set_.empty() ? TimePoint::max() : set_.begin()->first.first;
    if (sleeps_until_ == TimePoint::max()) {
      changed_.wait(lock);
    } else if (sleeps_until_ > Clock::now()) {
      changed_.wait_until(lock, sleeps_until_);
    } else {
      auto due = set_.extract(set_.begin());
      sleeps_until_ = TimePoint::min();
      lock.unlock();
      quietly([&] { due.mapped()(false); });
      due = {};
      lock.lock();
    }
    sleeps_until_ = TimePoint::min();
  }
}

void Alarms::close(TimePoint limit) {
  std::map<Key, Ring> all;
  std::array<Thread, 1> ended;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    all.swap(set_);
    ended[0] = std::move(thread_);
    changed_.notify_one();
  }
  for (auto& [key, ring] : all) ring(true);
  join_or_leave_behind(ended, limit);
}

}  // namespace pinnate::module
