#include "module/module_threads.h"

#include "module/at_end.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

namespace pinnate::module {
namespace {

// A thread that has been inside a module for so long is not waited for, and what is ready waits no longer before one more joins in.
constexpr std::chrono::milliseconds kPatience{5};
// Publishes reach the engines of a process in a burst, and each of their orders is done sooner than the next one comes. A thread
// that works for several of them looks again after so long by itself, before it has to be woken.
constexpr std::chrono::microseconds kNap{100};
constexpr std::size_t kIdleThreads = 2;  // more end when they have no work

struct Process {
  std::mutex mutex;
  std::shared_ptr<ModuleThreads> threads;

  // Never destroyed: threads that a module holds may outlive static objects.
  static Process& get() {
    static Process& process = *new Process;
    return process;
  }
};

}  // namespace

std::shared_ptr<ModuleThreads> ModuleThreads::join() {
  Process& process = Process::get();
  const std::lock_guard lock(process.mutex);
  if (!process.threads) process.threads = std::make_shared<ModuleThreads>();
  const std::lock_guard ours(process.threads->mutex_);
  process.threads->users_++;
  return process.threads;
}

void ModuleThreads::leave(TimePoint limit) {
  std::shared_ptr<ModuleThreads> last;
  {
    Process& process = Process::get();
    const std::lock_guard lock(process.mutex);
    const std::lock_guard ours(mutex_);
    if (--users_ > 0) return;
    last.swap(process.threads);  // whoever joins now has others
  }
  end(limit);
}

// ---- under the lock; when they answer a failure, nothing has changed ----

void ModuleThreads::become(Worker& worker, State state) {
  --in_[static_cast<std::size_t>(std::exchange(worker.state, state))];
  ++in_[static_cast<std::size_t>(state)];
}

Status ModuleThreads::start_worker() try {
  std::list<std::shared_ptr<Worker>> added;
  const auto& worker = added.emplace_back(std::make_shared<Worker>());
  auto thread = Thread::start("pinnate-module", [self = shared_from_this(), worker] { self->live(worker); });
  if (!thread.ok()) return thread.status();
  worker->thread = std::move(*thread);
  workers_.splice(workers_.end(), added);
  ++in_[static_cast<std::size_t>(State::idle)];
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

// Who retires next, or end(), joins it when destructors of thread_local objects have run.
void ModuleThreads::retire(Worker& me) {
  workers_.remove_if([](const auto& each) { return each->state == State::gone && each->thread.join_if_ended(); });
  become(me, State::gone);
}

// One more works on what is ready.
Status ModuleThreads::call_worker() {
  if (in(State::idle) == called_)
    if (Status s = start_worker(); !s.ok()) return s;
  ++called_;
  worker_called_.notify_one();
  return {};
}

Status ModuleThreads::start_watcher() try {
  if (watcher_.started()) return {};
  auto thread = Thread::start("pinnate-watch", [self = shared_from_this()] { self->watch(); });
  if (!thread.ok()) return thread.status();
  watcher_ = std::move(*thread);
  return {};
} catch (const std::bad_alloc&) {
  return no_memory();
}

void ModuleThreads::call_watcher() {
  if (!std::exchange(watching_, true)) watcher_called_.notify_one();
}

// ---- for users ----

void ModuleThreads::start() {
  const std::lock_guard lock(mutex_);
  // What cannot be started now is tried again with an order, and says why it cannot.
  if (able() == 0) (void)start_worker();
  if (users_ > 1) (void)start_watcher();
}

Status ModuleThreads::submit(std::shared_ptr<Queue> queue) {
  std::list<std::shared_ptr<Queue>> submitted;
  submitted.push_back(std::move(queue));
  const std::lock_guard lock(mutex_);
  if (ending_) return {PINNATE_CLOSED, "the threads for modules have ended"};
  if (at_work() == 0) {
    if (Status s = call_worker(); !s.ok()) return s;
  } else if (users_ > 1) {  // with one engine nothing can be ready while a thread is inside its module
    if (Status s = start_watcher(); !s.ok()) return s;
    if (in(State::napping) == 0) call_watcher();  // who naps is about to look
  }
  ready_.splice(ready_.end(), submitted);
  return {};
}

void ModuleThreads::leave_behind(const std::shared_ptr<Worker>& worker) {
  const std::lock_guard lock(mutex_);
  become(*worker, State::gone);
  worker->thread.leave_behind();
  workers_.remove(worker);
}

// ---- the threads ----

// Somebody works on what is ready, or it is refused.
void ModuleThreads::go_on() {
  std::list<std::shared_ptr<Queue>> refused;
  Status why;
  {
    const std::lock_guard lock(mutex_);
    if (ready_.empty() || at_work() > 0) return;
    why = call_worker();
    if (why.ok()) return;
    refused.swap(ready_);
  }
  for (const auto& queue : refused) queue->refuse(why);
}

void ModuleThreads::live(const std::shared_ptr<Worker>& me) {
  const AtEnd at_end([&] { worker_ended(me); });
  std::unique_lock lock(mutex_);
  for (;;) {
    if (in(State::idle) > called_ + kIdleThreads) return retire(*me);  // itself is one of them
    worker_called_.wait(lock, [this] { return ending_ || called_ > 0; });
    if (ending_) return;
    --called_;
    work(me, lock);
    if (me->state == State::gone) return;
    become(*me, State::idle);
  }
}

void ModuleThreads::work(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock) {
  const Queue* last = nullptr;
  for (bool several = false;;) {
    if (several && ready_.empty()) {
      become(*me, State::napping);
      lock.unlock();
      std::this_thread::sleep_for(kNap);
      lock.lock();
    }
    become(*me, State::working);
    if (ready_.empty()) return;
    std::list<std::shared_ptr<Queue>> ours;
    ours.splice(ours.end(), ready_, ready_.begin());
    me->took = ++taken_;
    if (!ready_.empty()) call_watcher();
    several = last && last != ours.front().get();
    last = ours.front().get();
    lock.unlock();
    if (!ours.front()->work_on(me)) ours.clear();
    lock.lock();
    ready_.splice(ready_.end(), ours);
    if (me->state == State::gone) return;
  }
}

void ModuleThreads::worker_ended(const std::shared_ptr<Worker>& me) {
  {
    const std::lock_guard lock(mutex_);
    if (me->state == State::gone || ending_) return;
    retire(*me);  // a module has ended it
  }
  go_on();
}

void ModuleThreads::watch() {
  std::unique_lock lock(mutex_);
  for (;;) {
    watcher_called_.wait(lock, [this] { return ending_ || watching_; });
    const std::uint64_t taken = taken_, due = taken_ + ready_.size();
    if (watcher_called_.wait_for(lock, kPatience, [this] { return ending_; })) return;
    std::size_t more = taken_ < due ? 1 : 0;
    for (const auto& worker : workers_) {
      if (worker->state != State::working || worker->took > taken) continue;
      become(*worker, State::held);
      more += 2;  // for each, so that engines by the thousand do not wait for one more after the other
    }
    for (; more > 0 && called_ < ready_.size() && call_worker().ok(); more--) {
    }
    watching_ = !ready_.empty();
    lock.unlock();
    go_on();
    lock.lock();
  }
}

void ModuleThreads::end(TimePoint limit) {
  std::list<std::shared_ptr<Worker>> workers;
  std::list<std::shared_ptr<Queue>> left;  // they want nothing any more, and keep us alive
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    workers.swap(workers_);
    left.swap(ready_);
    worker_called_.notify_all();
    watcher_called_.notify_all();
  }
  limit = at_least_time_to_end(limit);
  const auto finish = [limit](Thread& thread) {
    if (thread.is_current() || !thread.join_until(limit)) thread.leave_behind();
  };
  for (const auto& worker : workers) finish(worker->thread);
  finish(watcher_);
}

}  // namespace pinnate::module
