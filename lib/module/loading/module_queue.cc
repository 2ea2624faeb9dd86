#include "module/loading/module_queue.h"

#include "base/fork.h"
#include "base/guarded.h"

#include <algorithm>

namespace pinnate::module {
namespace {

constexpr std::chrono::milliseconds kPatience{5};  // with a module, before a thread is replaced
constexpr std::size_t kWatching = 2;  // more threads end when they have nothing to do

}  // namespace

// Never destroyed: threads that a module holds may outlive static objects.
ModuleQueue& ModuleQueue::of_process() { return one_per_process<ModuleQueue>(); }

// ---- under the lock ----

Status ModuleQueue::start_worker() {
  const auto worker = std::make_shared<Worker>();
  workers_.push_back(worker);
  auto thread = Thread::start("pinnate-module", [this, worker] { live(worker); });
  if (!thread.ok()) {
    workers_.pop_back();
    return thread.status();
  }
  worker->thread = std::move(*thread);
  return {};
}

ModuleQueue::Worker* ModuleQueue::inside(Engine engine) {
  for (const auto& w : workers_)
    if (w->busy && !w->left && w->order.engine == engine) return w.get();
  return nullptr;
}

std::size_t ModuleQueue::watching() const {
  return static_cast<std::size_t>(
      std::count_if(workers_.begin(), workers_.end(), [](const auto& w) { return !w->busy && !w->left; }));
}

ModuleQueue::Orders::iterator ModuleQueue::next() {
  return std::find_if(waiting_.begin(), waiting_.end(), [this](const Order& order) { return !inside(order.engine); });
}

template <typename Which>
ModuleQueue::Orders ModuleQueue::take_waiting(Which which) {
  Orders taken;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    const auto order = it++;
    if (which(*order)) taken.splice(taken.end(), waiting_, order);
  }
  return taken;
}

// Wherever an order can be carried out, a thread watches. Those for which none can be had.
ModuleQueue::Orders ModuleQueue::unwatched(Status& why) {
  if (next() == waiting_.end() || watching() > 0 || (why = start_worker()).ok()) return {};
  return take_waiting([this](const Order& order) { return !inside(order.engine); });
}

// After each change of what waits or of who is inside. Lets go of the lock.
void ModuleQueue::see_to_waiting(std::unique_lock<std::mutex>& lock) {
  Status why;
  Orders refused = unwatched(why);
  const bool tell = look_at_ > Clock::now() + kPatience;
  lock.unlock();
  if (tell) submitted_.notify_one();
  for (Order& order : refused) quietly([&] { order.refuse(why); });
}

// ---- for engines ----

void ModuleQueue::join() {
  const std::lock_guard lock(mutex_);
  ++engines_;
}

void ModuleQueue::submit(Order order) {
  std::unique_lock lock(mutex_);
  waiting_.push_back(std::move(order));
  see_to_waiting(lock);
}

void ModuleQueue::leave_behind(Engine engine, ServiceId service) {
  Orders dropped;  // destroyed outside the lock
  std::unique_lock lock(mutex_);
  const auto is_its = [&](const Order& order) { return order.engine == engine && order.service == service; };
  dropped = take_waiting(is_its);
  Worker* const holder = inside(engine);
  if (holder && is_its(holder->order)) {
    holder->left = true;
    holder->thread.leave_behind();
  }
  see_to_waiting(lock);
}

void ModuleQueue::refuse_waiting(Engine engine, const Status& why) {
  Orders refused;
  {
    const std::lock_guard lock(mutex_);
    refused = take_waiting([&](const Order& order) { return order.engine == engine; });
  }
  for (Order& order : refused) quietly([&] { order.refuse(why); });
}

void ModuleQueue::leave(Engine engine, const Status& why, TimePoint limit) {
  refuse_waiting(engine, why);
  std::vector<Thread> ended;
  {
    std::unique_lock lock(mutex_);
    if (!returned_.wait_until(lock, limit, [&] { return !inside(engine); })) {
      Worker* const holder = inside(engine);
      holder->left = true;
      holder->thread.leave_behind();
    }
    if (--engines_ > 0) return;
    ended.swap(ended_);
    for (const auto& worker : workers_) {
      if (std::exchange(worker->left, true)) continue;
      ended.push_back(std::move(worker->thread));
    }
    submitted_.notify_all();
  }
  join_or_leave_behind(ended, limit);
}

// ---- the threads ----

void ModuleQueue::live(const std::shared_ptr<Worker>& me) {
  std::unique_lock lock(mutex_);
  // Also when a module has ended this thread: then others do what is left.
  const AtEnd at_end([&] {
    if (!lock.owns_lock()) {
      me->order.run = nullptr;
      lock.lock();
    }
    workers_.remove(me);
    me->busy = false;
    std::erase_if(ended_, [](Thread& thread) { return thread.join_until(Clock::now()); });
    if (!me->left) ended_.push_back(std::move(me->thread));
    returned_.notify_all();
    see_to_waiting(lock);
  });
  while (!me->left) {
    // Those who are with a module for a short time only will look after what waits.
    TimePoint free_at = TimePoint::min();
    for (const auto& w : workers_)
      if (w->busy && !w->left) free_at = std::max(free_at, w->since + kPatience);
    const auto order = next();
    if (order == waiting_.end() || free_at > Clock::now()) {
      if (order == waiting_.end() && watching() > kWatching) return;
      look_at_ = order == waiting_.end() ? TimePoint::max() : free_at;
      if (order == waiting_.end())
        submitted_.wait(lock);
      else
        submitted_.wait_until(lock, free_at);
      look_at_ = TimePoint::max();
      continue;
    }
    me->order = std::move(*order);
    me->busy = true;
    me->since = Clock::now();
    waiting_.erase(order);
    if (me->order.unawaited) {
      me->left = true;
      me->thread.leave_behind();
    }
    see_to_waiting(lock);
    quietly([&] { me->order.run(); });
    me->order.run = nullptr;  // what it owns goes before anybody is told that nothing is under way
    me->order.refuse = nullptr;
    lock.lock();
    me->busy = false;
    returned_.notify_all();
  }
}

}  // namespace pinnate::module
