#include "module/calling/workers.h"

#include "base/guarded.h"
#include "module/lasting/thread_state.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace pinnate::module {

Workers::Workers(std::uint32_t threads, std::uint32_t queue_limit, const sigset_t& signal_mask, Run run)
    : threads_(std::max<std::uint32_t>(threads, 1)),
      queue_limit_(queue_limit),
      signal_mask_(signal_mask),
      run_(std::move(run)) {}

bool Workers::admit() {
  std::uint32_t seen = waiting_.load(std::memory_order_relaxed);
  while (seen < queue_limit_)
    if (waiting_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
  return false;
}

std::size_t Workers::able_locked() const {
  return static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(), [](const auto& w) { return !w->overdue; }));
}

bool Workers::start_locked() {
  auto worker = std::make_shared<Worker>();
  auto thread = Thread::start("pinnate-worker", [this, worker, keep = keep_.lock()] { work(worker); });
  if (!thread.ok()) return false;
  worker->thread = std::move(*thread);
  workers_.push_back(std::move(worker));
  return true;
}

bool Workers::submit(std::shared_ptr<Call> call) {
  {
    const std::lock_guard lock(mutex_);
    if (idle_ <= queue_.size() && able_locked() < threads_ && !stopping_ && !start_locked() && workers_.empty())
      return false;
    queue_.push_back(std::move(call));
  }
  changed_.notify_one();  // with the lock let go, or the worker would wake up only to wait for it
  return true;
}

bool Workers::forget(const Call* call) {
  std::shared_ptr<Call> forgotten;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(queue_.begin(), queue_.end(), [&](const auto& c) { return c.get() == call; });
  if (it == queue_.end()) return false;
  forgotten = std::move(*it);
  queue_.erase(it);
  return true;
}

void Workers::overdue(const Call* call) {
  const std::lock_guard lock(mutex_);
  const auto it = std::find_if(workers_.begin(), workers_.end(), [&](const auto& w) { return w->running == call; });
  if (it == workers_.end() || (*it)->overdue || workers_.size() >= threads_ + kOverdueLimit) return;
  (*it)->overdue = true;
  if (!queue_.empty() && able_locked() < threads_ && !stopping_) start_locked();
}

void Workers::work(const std::shared_ptr<Worker>& worker) {
  take_signal_mask(signal_mask_);
  std::unique_lock lock(mutex_);
  const AtEnd at_end([&] {
    if (!lock.owns_lock()) lock.lock();
    if (stopping_) return;  // stop() joins it
    worker->thread.leave_behind();
    workers_.remove(worker);
    if (!queue_.empty() && able_locked() < threads_) start_locked();
  });
  for (;;) {
    ++idle_;
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    std::shared_ptr<Call> call = std::move(queue_.front());
    queue_.pop_front();
    worker->running = call.get();
    lock.unlock();
    quietly([&] { run_(call); });
    call.reset();
    lock.lock();
    worker->running = nullptr;
    if (!std::exchange(worker->overdue, false)) continue;
    if (able_locked() > threads_) return;
  }
}

void Workers::stop(TimePoint limit) {
  std::vector<Thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& worker : workers_) threads.push_back(std::move(worker->thread));
    workers_.clear();
    changed_.notify_all();
  }
  join_or_leave_behind(threads, limit);
}

}  // namespace pinnate::module
