#include "module/module_orders.h"

#include "module/at_end.h"
#include "module/guarded.h"

#include <new>
#include <utility>

namespace pinnate::module {

ModuleOrders::~ModuleOrders() {
  if (!stopped_) threads_->leave(Clock::now());
}

void ModuleOrders::start(std::weak_ptr<void> keep) {
  keep_ = std::move(keep);
  threads_->start();
}

void ModuleOrders::submit(Order order) {
  bool first = false;
  std::optional<Status> refused;
  {
    const std::lock_guard lock(mutex_);
    refused = stopped_;
    if (!refused) {
      waiting_.push_back(std::move(order));
      first = !std::exchange(handed_over_, true);
    }
  }
  if (refused) return order.refuse(std::move(*refused));
  if (first) hand_over();
}

// Not under the lock: a thread may begin at once. Throws nothing.
void ModuleOrders::hand_over() {
  Status status;
  try {
    status = threads_->submit(std::shared_ptr<ModuleThreads::Queue>(keep_.lock(), this));
  } catch (const std::bad_alloc&) {
    status = no_memory();
  }
  if (!status.ok()) refuse(status);
}

void ModuleOrders::refuse(const Status& why) {
  {
    const std::lock_guard lock(mutex_);
    handed_over_ = false;
  }
  refuse_waiting(why);
}

void ModuleOrders::leave_behind(ServiceId service) {
  std::list<Order> dropped;  // destroyed outside the lock
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      const auto order = it++;
      if (order->service == service) dropped.splice(dropped.end(), waiting_, order);
    }
    if (!inside_ || inside_->service != service) return;
    threads_->leave_behind(inside_->worker);
    more = nobody_inside();
  }
  if (more) hand_over();
}

void ModuleOrders::refuse_waiting(const Status& why) {
  std::list<Order> refused;
  {
    const std::lock_guard lock(mutex_);
    refused.swap(waiting_);
  }
  for (Order& order : refused) quietly([&] { order.refuse(why); });
}

void ModuleOrders::stop(const Status& why, TimePoint limit) {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = why;
  }
  refuse_waiting(why);
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, limit, [this] { return !inside_; })) {
      threads_->leave_behind(inside_->worker);
      nobody_inside();
    }
  }
  threads_->leave(limit);
}

bool ModuleOrders::work_on(const std::shared_ptr<ModuleThreads::Worker>& worker) {
  Order order;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) return handed_over_ = false;
    order = std::move(waiting_.front());
    waiting_.pop_front();
    inside_ = Inside{order.service, worker};
  }
  bool whole = false;
  const AtEnd at_end([&] {
    if (!whole && finish(worker)) hand_over();  // the module ended our thread: another one has to do what is left
  });
  quietly([&] { order.run(); });
  order = Order();  // what it owns goes before anybody is told that nothing is under way
  whole = true;
  return finish(worker);
}

// Under the lock. True: there is more to do.
bool ModuleOrders::nobody_inside() {
  inside_.reset();
  changed_.notify_all();
  return handed_over_ = !waiting_.empty();
}

bool ModuleOrders::finish(const std::shared_ptr<ModuleThreads::Worker>& worker) {
  const std::lock_guard lock(mutex_);
  if (!inside_ || inside_->worker != worker) return false;  // left behind: others do what is left
  return nobody_inside();
}

}  // namespace pinnate::module
