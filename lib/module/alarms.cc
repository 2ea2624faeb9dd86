#include "module/alarms.h"

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
      // Most alarms are cancelled before their time, and the next is for later: no reason to wake the thread for each.
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
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && start_locked()) {
      posted_.push_back(std::move(work));
      changed_.notify_one();
      return;
    }
  }
  work();
}

void Alarms::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!posted_.empty()) {
      auto work = std::move(posted_.front());
      posted_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
    } else if (stopping_) {
      return;
    } else if (set_.empty()) {
      sleeps_until_ = TimePoint::max();
      changed_.wait(lock);
      sleeps_until_ = TimePoint::min();
    } else if (const TimePoint at = set_.begin()->first.first; at > Clock::now()) {
      sleeps_until_ = at;
      changed_.wait_until(lock, at);
      sleeps_until_ = TimePoint::min();
    } else {
      auto due = set_.extract(set_.begin());
      lock.unlock();
      due.mapped()(false);
      due = {};
      lock.lock();
    }
  }
}

void Alarms::ring_all() {
  std::map<Key, Ring> all;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    all.swap(set_);
  }
  for (auto& [key, ring] : all) ring(true);
}

void Alarms::stop(TimePoint limit) {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (!thread_.join_until(at_least_time_to_end(limit))) thread_.leave_behind();
}

}  // namespace pinnate::module
