// One request's answer, given on the library's thread and awaited on ours.
#pragma once

#include "exit_code.h"

#include <pinnate/common.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace cli {

using Deadline = std::chrono::steady_clock::time_point;

inline Deadline deadline_after(std::chrono::milliseconds duration) {
  return std::chrono::steady_clock::now() + duration;
}

template <class Value>
class Answer {
 public:
  using OnProgress = std::function<void(std::uint64_t, std::uint64_t)>;

  // Any thread. A failed request has no value.
  void give(pinnate_status status, const char* error, std::optional<Value> value) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    error_ = error != nullptr ? error : "";
    value_ = std::move(value);
    given_ = true;
    changed_.notify_all();
  }

  void progress(std::uint64_t done, std::uint64_t total) {
    const std::lock_guard lock(mutex_);
    progress_ = {done, total};
    changed_.notify_all();
  }

  // Waits for the value, calling on_progress on this thread as it comes. Throws Failure: of the
  // request, of the deadline, or of the interruption.
  Value wait(std::stop_token stop, Deadline deadline, const OnProgress& on_progress = {}) {
    std::unique_lock lock(mutex_);
    std::pair<std::uint64_t, std::uint64_t> seen{0, 0};
    for (;;) {
      const auto news = [&] { return given_ || progress_ != seen; };
      const bool told = changed_.wait_until(lock, stop, deadline, news);
      if (given_) break;
      if (stop.stop_requested()) throw Failure(ExitCode::kInterrupted, "interrupted");
      if (!told) throw Failure(ExitCode::kTimeout, "no answer within --timeout");
      seen = progress_;
      if (on_progress) {
        lock.unlock();
        on_progress(seen.first, seen.second);
        lock.lock();
      }
    }
    if (status_ != PINNATE_OK || !value_) throw failure_of(status_, error_);
    return std::move(*value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool given_ = false;
  pinnate_status status_ = PINNATE_OK;
  std::string error_;
  std::optional<Value> value_;
  std::pair<std::uint64_t, std::uint64_t> progress_{0, 0};
};

// The share of an answer that a callback holds: it may come after we have given up waiting.
template <class Value>
using HeldAnswer = std::shared_ptr<Answer<Value>>;

template <class Value>
std::unique_ptr<HeldAnswer<Value>> taken_back(void* arg) {
  return std::unique_ptr<HeldAnswer<Value>>(static_cast<HeldAnswer<Value>*>(arg));
}

}  // namespace cli
