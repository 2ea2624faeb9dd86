#include "module/thread.h"

#include "base/join_thread.h"
#include "module/at_end.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>

namespace pinnate::module {

TimePoint at_least_time_to_end(TimePoint limit) {
  return std::max(limit, Clock::now() + std::chrono::milliseconds(100));
}

struct Thread::State {
  pthread_t id{};
  const char* name = "";
  std::function<void()> body;
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;

  // C linkage is what pthread_create asks for; every ABI that Pinnate runs on calls both alike.
  static void* run(void* argument) {
    const std::unique_ptr<std::shared_ptr<State>> holder(static_cast<std::shared_ptr<State>*>(argument));
    const AtEnd at_end([&state = **holder] {
      state.body = nullptr;
      const std::lock_guard lock(state.mutex);
      state.ended = true;
      state.changed.notify_all();
    });
    // A module may ask to cancel a thread that it is or was on, which would end it anywhere: in another module, or where nothing may throw.
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    pthread_setname_np(pthread_self(), (*holder)->name);  // from outside it would take a file of /proc
    (*holder)->body();
    return nullptr;
  }
};

Thread::Thread() = default;
Thread::Thread(Thread&&) noexcept = default;
Thread& Thread::operator=(Thread&& other) noexcept {
  leave_behind();
  state_ = std::move(other.state_);
  return *this;
}
Thread::~Thread() { leave_behind(); }

Result<Thread> Thread::start(const char* name, std::function<void()> body) {
  Thread thread;
  auto state = std::make_shared<State>();
  state->name = name;
  state->body = std::move(body);
  auto holder = std::make_unique<std::shared_ptr<State>>(state);

  // The host's handlers run on the host's threads; faults stay with the thread that made them.
  sigset_t blocked, before;
  sigfillset(&blocked);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  const int error = pthread_create(&state->id, nullptr, &State::run, holder.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error) return {PINNATE_NO_MEMORY, std::string("cannot start the thread '") + name + "': " + std::strerror(error)};
  holder.release();
  thread.state_ = std::move(state);
  return thread;
}

bool Thread::is_current() const { return state_ && pthread_equal(state_->id, pthread_self()); }

bool Thread::join_until(TimePoint limit) {
  if (!state_) return true;
  {
    std::unique_lock lock(state_->mutex);
    if (!state_->changed.wait_until(lock, limit, [&] { return state_->ended; })) return false;
  }
  // What remains is the end of the thread itself, where only a module's thread_local destructors can linger.
  if (!pinnate::join_until(state_->id, limit)) return false;
  state_.reset();
  return true;
}

bool Thread::join_if_ended() {
  if (state_ && pthread_tryjoin_np(state_->id, nullptr) != 0) return false;
  state_.reset();
  return true;
}

void Thread::leave_behind() {
  if (!state_) return;
  pthread_detach(state_->id);
  state_.reset();
}

}  // namespace pinnate::module
