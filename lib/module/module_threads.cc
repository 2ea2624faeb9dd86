#include "module/module_threads.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace pinnate::module {
namespace {

// A thread that has been inside a module for so long is not waited for: another one works too.
constexpr std::chrono::milliseconds kPatience{5};
// Publishes reach the engines of a process in a burst, and each of their orders is done sooner than the next one comes. A thread that works
// for several of them looks again after so long by itself, before it has to be woken.
constexpr std::chrono::microseconds kNap{100};
constexpr std::size_t kIdleThreads = 2;  // one to work and one to watch; more end when they have no work

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

Status ModuleThreads::start_locked() {
  auto worker = std::make_shared<Worker>();
  auto thread = Thread::start("pinnate-module", [self = shared_from_this(), worker] { self->live(worker); });
  if (!thread.ok()) return thread.status();
  worker->thread = std::move(*thread);
  workers_.push_back(std::move(worker));
  ++idle_;  // from now on, or somebody who calls it before it comes would start another one
  return {};
}

void ModuleThreads::start() {
  const std::lock_guard lock(mutex_);
  if (workers_.empty() && !ending_) (void)start_locked();  // the first order tries again, and says why it cannot
}

// Has a thread look at what is ready; *wake is to be notified, best with the lock let go, or the thread would wake up only to wait for it.
Status ModuleThreads::call_locked(std::condition_variable** wake) {
  if (watching_) {
    *wake = &watched_;
    return {};
  }
  if (idle_ == 0)
    if (Status s = start_locked(); !s.ok()) return working_ > 0 ? Status() : s;
  watching_ = called_ = true;
  *wake = &idle_changed_;
  return {};
}

bool ModuleThreads::call_needed_locked() const {
  if (napping_) return false;
  if (working_ == 0) return true;
  // With one engine nothing can be ready while a thread is inside its module: who works now is about to look.
  return !watching_ && users_ > 1;
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

void ModuleThreads::leave_behind(const std::shared_ptr<Worker>& worker) {
  std::condition_variable* wake = nullptr;
  {
    const std::lock_guard lock(mutex_);
    worker->left_behind = true;
    worker->thread.leave_behind();
    if (std::exchange(worker->working, false)) --working_;
    workers_.remove(worker);
    if (working_ == 0 && !ready_.empty()) (void)call_locked(&wake);
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
    --idle_;
    if (ending_) return;
    called_ = false;
    const bool works = watch(lock);
    watching_ = false;
    if (works) work(me, lock);
    if (me->left_behind || idle_ >= kIdleThreads) return;
    ++idle_;
  }
}

// Until there is something to do for the calling thread, which it answers with true, or nothing to watch.
bool ModuleThreads::watch(std::unique_lock<std::mutex>& lock) {
  for (bool quiet = false;;) {
    if (ending_) return false;
    if (working_ == 0) return !ready_.empty();
    if (quiet) return false;
    const std::uint64_t taken = taken_;
    watched_.wait_until(lock, Clock::now() + kPatience,
                        [this] { return ending_ || (working_ == 0 && !ready_.empty()); });
    quiet = ready_.empty();
    if (taken != taken_) continue;
    // All that work have been inside the same modules since: until they come back, nobody counts on them.
    for (const auto& worker : workers_) worker->working = false;
    working_ = 0;
  }
}

void ModuleThreads::nap(std::unique_lock<std::mutex>& lock) {
  napping_ = true;
  ending_changed_.wait_for(lock, kNap, [this] { return ending_; });
  napping_ = false;
}

void ModuleThreads::work(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock) {
  const Queue* last = nullptr;
  for (bool several = false;;) {
    if (me->left_behind) return;
    if (std::exchange(several, false) && ready_.empty()) nap(lock);
    if (!std::exchange(me->working, true)) ++working_;
    if (ready_.empty()) break;
    std::list<std::shared_ptr<Queue>> ours;
    ours.splice(ours.end(), ready_, ready_.begin());
    ++taken_;
    if (!ready_.empty() && !watching_)
      if (std::condition_variable* wake = nullptr; call_locked(&wake).ok() && wake) wake->notify_one();
    several = last && last != ours.front().get();
    last = ours.front().get();
    lock.unlock();
    if (!ours.front()->work_on(me)) ours.clear();
    lock.lock();
    ready_.splice(ready_.end(), ours);
  }
  me->working = false;
  --working_;
}

void ModuleThreads::ended(const std::shared_ptr<Worker>& me, std::unique_lock<std::mutex>& lock) {
  if (!lock.owns_lock()) lock.lock();
  if (me->left_behind || ending_) return;  // nobody's any more, or end() joins it
  if (std::exchange(me->working, false)) --working_;
  me->thread.leave_behind();
  workers_.remove(me);
  if (working_ > 0 || ready_.empty()) return;
  if (std::condition_variable* wake = nullptr; call_locked(&wake).ok() && wake) wake->notify_one();
}

void ModuleThreads::end(TimePoint limit) {
  std::list<std::shared_ptr<Worker>> all;
  std::list<std::shared_ptr<Queue>> refused;  // they wanted nothing any more, and keep us alive
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    all.swap(workers_);
    refused.swap(ready_);
    idle_changed_.notify_all();
    watched_.notify_all();
    ending_changed_.notify_all();
  }
  // No module holds any of them, so they end at once.
  limit = std::max(limit, Clock::now() + std::chrono::milliseconds(100));
  for (const auto& worker : all)
    if (worker->thread.is_current() || !worker->thread.join_until(limit)) worker->thread.leave_behind();
}

}  // namespace pinnate::module
