// Rung by whatever brings a test what it waits for: callbacks on the library's thread, and threads
// of the test's own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

class Bell {
 public:
  void ring() {
    {
      const std::lock_guard lock(mutex_);
      ++rung_;
    }
    ring_.notify_all();
  }

  // Looks whenever it is rung. False: not done by then.
  template <class Done>
  bool await(const Done& done, std::chrono::steady_clock::time_point end) {
    for (;;) {
      const std::uint64_t before = rung();
      if (done()) return true;
      std::unique_lock lock(mutex_);
      if (!ring_.wait_until(lock, end, [&] { return rung_ != before; })) return false;
    }
  }

 private:
  std::uint64_t rung() {
    const std::lock_guard lock(mutex_);
    return rung_;
  }

  std::mutex mutex_;
  std::condition_variable ring_;
  std::uint64_t rung_ = 0;
};

// One for all, which outlives whatever was waited for.
inline Bell& bell() {
  static Bell& one = *new Bell;
  return one;
}
