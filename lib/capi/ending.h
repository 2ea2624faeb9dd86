// How a handle ends: it is freed by whoever comes last, its closing or its owner who gives it up.
// Outlives the handle. Any thread.
#pragma once

#include <condition_variable>
#include <mutex>

namespace pinnate::capi {

class Ending {
 public:
  // Each once. True: the other was first, so that the caller is to free the handle.
  bool closed() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    return freed_;
  }
  bool freed() {
    const std::lock_guard lock(mutex_);
    freed_ = true;
    return closed_;
  }

  bool is_closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  void await_closed() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false, freed_ = false;
};

}  // namespace pinnate::capi
