// A thread of the library's own. It takes none of the host's signals, cannot be cancelled, and can
// be left behind: a module may hold it for ever, so its body must own what it uses. All in a
// header: the objects of this layer start no thread.
#pragma once

#include "base/known_threads.h"
#include "base/status.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace pinnate {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

class Thread {
 public:
  Thread() = default;
  ~Thread() { leave_behind(); }
  Thread(Thread&& other) noexcept : id_(other.id_), started_(std::exchange(other.started_, false)) {}
  Thread& operator=(Thread&& other) noexcept {
    leave_behind();
    id_ = other.id_;
    started_ = std::exchange(other.started_, false);
    return *this;
  }

  // `name`: a literal of at most 15 characters, shown by ps and debuggers. `stack_bytes`: 0 is the
  // system's default.
  static Result<Thread> start(const char* name, std::function<void()> body, std::size_t stack_bytes = 0) {
    auto argument = std::make_unique<Start>(Start{name, std::move(body)});
    Thread thread;
    if (const int error = create(thread.id_, *argument, stack_bytes))
      return {PINNATE_NO_MEMORY, std::string("cannot start the thread '") + name + "': " + std::strerror(error)};
    argument.release();
    thread.started_ = true;
    return thread;
  }

  bool started() const { return started_; }
  bool is_current() const { return started_ && pthread_equal(id_, pthread_self()); }

  // True when it has ended by then and is joined; false: it still runs. Destructors of thread_local
  // objects count as running. The steady clock decides: one that is set meanwhile, as the wall
  // clock may be, would make the wait longer.
  bool join_until(TimePoint limit) {
    if (started_ && clock_join(limit) != 0) return false;
    started_ = false;
    return true;
  }
  void leave_behind() {
    if (std::exchange(started_, false)) pthread_detach(id_);
  }

 private:
  struct Start {
    const char* name;
    std::function<void()> body;
  };

  // C linkage is what pthread_create asks for; every ABI that Pinnate runs on calls both alike.
  static void* run(void* argument) {
    const std::unique_ptr<Start> start(static_cast<Start*>(argument));
    const KnownThread known;
    // A module may cancel a thread that it is or was on, which would end it in another module, or
    // where nothing may throw.
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
    pthread_setname_np(pthread_self(), start->name);  // from outside it would take a file of /proc
    start->body();
    return nullptr;
  }

  // The host's handlers run on the host's threads; faults stay with the thread that made them.
  static int create(pthread_t& id, Start& start, std::size_t stack_bytes) noexcept {
    pthread_attr_t attributes;
    if (const int error = pthread_attr_init(&attributes)) return error;
    if (stack_bytes) pthread_attr_setstacksize(&attributes, stack_bytes);
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);  // inherited by the new thread
    const int error = pthread_create(&id, &attributes, &run, &start);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return error;
  }

  int clock_join(TimePoint limit) {
    using std::chrono::nanoseconds;
    auto at = std::chrono::duration_cast<nanoseconds>(limit.time_since_epoch());
#ifdef __SANITIZE_THREAD__
    // GCC's ThreadSanitizer takes a thread that pthread_clockjoin_np has joined for one that still
    // runs.
    const nanoseconds left = at - Clock::now().time_since_epoch();
    at = std::chrono::system_clock::now().time_since_epoch() + left;
#endif
    timespec until{};
    until.tv_sec = static_cast<time_t>(at / std::chrono::seconds(1));
    until.tv_nsec = static_cast<long>((at % std::chrono::seconds(1)).count());
#ifdef __SANITIZE_THREAD__
    return pthread_timedjoin_np(id_, nullptr, &until);
#else
    return pthread_clockjoin_np(id_, nullptr, CLOCK_MONOTONIC, &until);
#endif
  }

  pthread_t id_{};
  bool started_ = false;
};

// Joins what ends by `limit`, or within a tenth of a second where others have used that up; leaves
// the rest behind.
template <typename Threads>
void join_or_leave_behind(Threads& threads, TimePoint limit) {
  limit = std::max(limit, Clock::now() + std::chrono::milliseconds(100));
  for (Thread& thread : threads)
    if (thread.is_current() || !thread.join_until(limit)) thread.leave_behind();
}

}  // namespace pinnate
