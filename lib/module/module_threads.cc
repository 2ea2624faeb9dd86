#include "module/module_threads.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace pinnate::module {
namespace {

// A thread that has been inside a module for so long is not waited for. One more works too as well where what is ready is not taken
// in that time, times the threads that work already: modules that are slow but many need not all be done by one.
constexpr std::chrono::milliseconds kPatience{5};
// Publishes reach the engines of a process in a burst, and each of their orders is done sooner than the next one comes. A thread
// that works for several of them looks again after so long by itself, before it has to be woken.
constexpr std::chrono::microseconds kNap{100};
constexpr std::size_t kIdleThreads = 2;  // one to work and one to watch; more end when they have no work
// For what no module holds up, but at the very end of a thread, when destructors of its thread_local objects run.
constexpr std::chrono::milliseconds kEndLimit{100};

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

void ModuleThreads::become(Worker& worker, State state) {
  --in_[static_cast<std::size_t>(std::exchange(worker.state, state))];
  ++in_[static_cast<std::size_t>(state)];
}

// Throws nothing: it is called where a module's frames may be above us.
Status ModuleThreads::start_locked() try {
  auto worker = std::make_shared<Worker>();
  workers_.push_back(worker);
  auto thread = Thread::start("pinnate-module", [self = shared_from_this(), worker] { self->live(worker); });
  if (!thread.ok()) {
    workers_.pop_back();
    return thread.status();
  }
  worker->thread = std::move(*thread);
  ++in_[static_cast<std::size_t>(State::idle)];  // from now on, or a call before it comes would start another one
  return {};
} catch (const std::bad_alloc&) {
  if (!workers_.empty() && !workers_.back()->thread.started()) workers_.pop_back();
  return {PINNATE_NO_MEMORY, "no memory"};
}

void ModuleThreads::start() {
  const std::lock_guard lock(mutex_);
  while (workers_.size() < std::min(users_, kIdleThreads) && !ending_)
    if (!start_locked().ok()) return;  // the first order tries again, and says why it cannot
}

// Has a thread look at what is ready; *wake is to be notified, best with the lock let go, or the thread would wake up only to
// wait for it.
Status ModuleThreads::call_locked(std::condition_variable** wake) {
  *wake = &watched_;
  if (watched_over()) return {};
  if (in(State::idle) == 0)
    if (Status s = start_locked(); !s.ok()) return in(State::working) > 0 ? Status() : s;
  called_ = true;
  *wake = &idle_changed_;
  return {};
}

bool ModuleThreads::call_needed_locked() const {
  if (in(State::napping) > 0) return false;
  if (in(State::working) == 0) return true;
  // With one engine nothing can be ready while a thread is inside its module: who works now is about to look.
  return !watched_over() && users_ > 1;
}

Status ModuleThreads::submit(std::shared_ptr<Queue> queue) {
  std::list<std::shared_ptr<Queue>> submitted;
  submitted.push_back(std::move(queue));
  std::condition_variable* wake = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) return {PINNATE_CLOSED, "the threads for modules have ended"};
    if (call_needed_locked())
      if (Status s = call_locked(&wake); !s.ok()) return s;
    ready_.splice(ready_.end(), submitted);
  }
  if (wake) wake->notify_one();
  return {};
}

void ModuleThreads::look_after() {
  std::condition_variable* wake = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (!ready_.empty() && !ending_ && call_needed_locked()) (void)call_locked(&wake);
  }
  if (wake) wake->notify_one();
}

void ModuleThreads::leave_behind(const std::shared_ptr<Worker>& worker) {
  std::condition_variable* wake = nullptr;
  {
    const std::lock_guard lock(mutex_);
    become(*worker, State::gone);
    worker->thread.leave_behind();
    workers_.remove(worker);
    if (in(State::working) == 0 && !ready_.empty()) (void)call_locked(&wake);
  }
  if (wake) wake->notify_one();
}

void ModuleThreads::live(const std::shared_ptr<Worker>& me) {
  std::unique_lock lock(mutex_);
  struct AtEnd {  // also when a module ends our thread
    ModuleThreads& all;
    const std::shared_ptr<Worker>& me;
    std::unique_lock<std::mutex>& lock;
    ~AtEnd() { all.ended(me, lock); }
  } at_end{*this, me, lock};
  for (;;) {
    idle_changed_.wait(lock, [this] { return ending_ || called_; });
    if (ending_) return;
    called_ = false;
    become(*me, State::watching);
    if (watch(lock)) work(me, lock);
    if (me->state == State::gone || in(State::idle) >= kIdleThreads) return;
    become(*me, State::idle);
  }
}

// Until there is something to do for the calling thread, which it answers with true, or nothing to watch.
bool ModuleThreads::watch(std::unique_lock<std::mutex>& lock) {
  for (std::size_t late = 0;;) {
    if (ending_) return false;
    if (at_work() == 0) return !ready_.empty();
    if (late >= at_work()) return true;
    const std::uint64_t taken = taken_, due = taken_ + ready_.size();
    watched_.wait_until(lock, Clock::now() + kPatience,
                        [this] { return ending_ || (at_work() == 0 && !ready_.empty()); });
    if (taken == taken_) {
      for (const auto& worker : workers_)
        if (worker->state == State::working) become(*worker, State::held);
      continue;
    }
    if (ready_.empty()) return false;
    late = taken_ < due ? late + 1 : 0;
  }
}

void ModuleThreads::work(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock) {
  const Queue* last = nullptr;
  for (bool several = false;;) {
    if (me->state == State::gone) return;
    if (std::exchange(several, false) && ready_.empty()) {
      become(*me, State::napping);
      ending_changed_.wait_for(lock, kNap, [this] { return ending_; });
    }
    become(*me, State::working);
    if (ready_.empty()) return;
    std::list<std::shared_ptr<Queue>> ours;
    ours.splice(ours.end(), ready_, ready_.begin());
    ++taken_;
    if (!ready_.empty() && !watched_over())
      if (std::condition_variable* wake = nullptr; call_locked(&wake).ok()) wake->notify_one();
    several = last && last != ours.front().get();
    last = ours.front().get();
    lock.unlock();
    if (!ours.front()->work_on(me)) ours.clear();
    lock.lock();
    ready_.splice(ready_.end(), ours);
  }
}

// However the thread came to its end: called off, one too many, or by a module (pthread_exit, pthread_cancel) wherever it was.
void ModuleThreads::ended(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock) {
  if (!lock.owns_lock()) lock.lock();
  if (me->state == State::gone || ending_) return;  // nobody's any more, or end() joins it
  become(*me, State::gone);
  workers_.remove(me);
  if (in(State::idle) == 0) called_ = false;
  if (!ready_.empty() && (in(State::working) == 0 || !watched_over()))
    if (std::condition_variable* wake = nullptr; call_locked(&wake).ok()) wake->notify_one();
  // Each one that ends joins the one before, and end() the last: when the last engine has closed none is left.
  const std::shared_ptr<Worker> before = std::exchange(last_ended_, me);
  lock.unlock();
  if (before && !before->thread.join_until(Clock::now() + kEndLimit)) before->thread.leave_behind();
}

void ModuleThreads::end(TimePoint limit) {
  std::list<std::shared_ptr<Worker>> all;
  std::list<std::shared_ptr<Queue>> refused;  // they wanted nothing any more, and keep us alive
  std::shared_ptr<Worker> last;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    all.swap(workers_);
    refused.swap(ready_);
    last.swap(last_ended_);
    idle_changed_.notify_all();
    watched_.notify_all();
    ending_changed_.notify_all();
  }
  limit = std::max(limit, Clock::now() + kEndLimit);
  const auto finish = [limit](Worker& worker) {
    if (worker.thread.is_current() || !worker.thread.join_until(limit)) worker.thread.leave_behind();
  };
  if (last) finish(*last);
  for (const auto& worker : all) finish(*worker);
}

}  // namespace pinnate::module
