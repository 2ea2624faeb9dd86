// Waiting for a thread's end until a moment of the steady clock: one that is set while we wait, as the wall clock may be,
// would make the wait longer.
#pragma once

#include <pthread.h>
#include <time.h>

#include <chrono>

namespace pinnate {

// Joins `thread`, or says no when it is still there at `limit`.
inline bool join_until(pthread_t thread, std::chrono::steady_clock::time_point limit) {
  using std::chrono::nanoseconds;
  auto at = std::chrono::duration_cast<nanoseconds>(limit.time_since_epoch());
#ifdef __SANITIZE_THREAD__
  // GCC's ThreadSanitizer takes a thread that pthread_clockjoin_np has joined for one that still runs.
  const nanoseconds left = at - std::chrono::steady_clock::now().time_since_epoch();
  at = std::chrono::system_clock::now().time_since_epoch() + left;
#endif
  timespec until{};
  until.tv_sec = static_cast<time_t>(at / std::chrono::seconds(1));
  until.tv_nsec = static_cast<long>((at % std::chrono::seconds(1)).count());
#ifdef __SANITIZE_THREAD__
  return pthread_timedjoin_np(thread, nullptr, &until) == 0;
#else
  return pthread_clockjoin_np(thread, nullptr, CLOCK_MONOTONIC, &until) == 0;
#endif
}

}  // namespace pinnate
