#include "module/module_thread.h"

#include <algorithm>
#include <utility>

namespace pinnate::module {

Status ModuleThread::start_locked() {
  if (life_) return {};
  auto life = std::make_shared<Life>();
  auto thread = Thread::start("pinnate-module", [this, life, keep = keep_.lock()] { live(life); });
  if (!thread.ok()) return thread.status();
  life->thread = std::move(*thread);
  life_ = std::move(life);
  return {};
}

void ModuleThread::start() {
  const std::lock_guard lock(mutex_);
  if (!stopped_) (void)start_locked();  // the first order tries again, and says why it cannot
}

void ModuleThread::submit(Order order) {
  Status status;
  {
    const std::lock_guard lock(mutex_);
    status = stopped_ ? *stopped_ : start_locked();
    if (status.ok()) waiting_.push_back(std::move(order));
  }
  if (!status.ok()) return order.refuse(std::move(status));
  changed_.notify_all();  // with the lock let go, or the thread would wake up only to wait for it
}

void ModuleThread::leave_behind(ServiceId service) {
  std::deque<Order> dropped, refused;
  Status status;
  {
    const std::lock_guard lock(mutex_);
    const auto others =
        std::stable_partition(waiting_.begin(), waiting_.end(), [&](const Order& o) { return o.service != service; });
    std::move(others, waiting_.end(), std::back_inserter(dropped));
    waiting_.erase(others, waiting_.end());
    if (!life_ || life_->inside != service) return;
    life_->left_behind = true;
    life_->thread.leave_behind();
    life_.reset();
    if (waiting_.empty() || stopped_) return;  // the next order starts another
    status = start_locked();
    if (status.ok()) return;
    refused.swap(waiting_);
  }
  for (Order& order : refused) order.refuse(status);
}

void ModuleThread::refuse_waiting(const Status& why) {
  std::deque<Order> refused;
  {
    const std::lock_guard lock(mutex_);
    refused.swap(waiting_);
  }
  for (Order& order : refused) order.refuse(why);
}

void ModuleThread::stop(const Status& why, TimePoint limit) {
  std::shared_ptr<Life> life;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = why;
    life = std::exchange(life_, nullptr);
    changed_.notify_all();
  }
  refuse_waiting(why);
  if (life && !life->thread.join_until(limit)) life->thread.leave_behind();
}

void ModuleThread::live(const std::shared_ptr<Life>& life) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopped_ || life->left_behind || !waiting_.empty(); });
    if (stopped_ || life->left_behind) return;
    Order order = std::move(waiting_.front());
    waiting_.pop_front();
    life->inside = order.service;
    struct AtEnd {
      ModuleThread& all;
      Life& life;
      std::unique_lock<std::mutex>& lock;
      bool whole = false;
      ~AtEnd() {
        if (!lock.owns_lock()) lock.lock();
        life.inside.reset();
        if (whole || life.left_behind || !all.life_) return;
        // The module ended our thread (pthread_exit). The next order starts another, or, if there is one already, this does.
        all.life_->thread.leave_behind();
        all.life_.reset();
        if (!all.waiting_.empty() && !all.stopped_) (void)all.start_locked();
      }
    } at_end{*this, *life, lock};
    lock.unlock();
    order.run();
    order = Order();  // what it owns goes before anybody is told that the thread is idle
    at_end.whole = true;
  }
}

}  // namespace pinnate::module
