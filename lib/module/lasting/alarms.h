// The one thread that keeps time for a service host. It never runs a module's code, so it is always
// on time. What it rings must not block.
#pragma once

#include "base/thread.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace pinnate::module {

class Alarms {
 public:
  using Key = std::pair<TimePoint, std::uint64_t>;
  using Ring = std::function<void(bool closing)>;

  // Starts with the first use; the thread keeps `keep` alive.
  void use(std::weak_ptr<void> keep) { keep_ = std::move(keep); }

  // A name for an alarm before it is set, so that what it rings can hold it.
  Key key(TimePoint at) { return {at, next_.fetch_add(1, std::memory_order_relaxed)}; }
  // Rings at the key's time, or at once and here when it is closing (or no thread can be had).
  void set(const Key& key, Ring ring);
  void cancel(const Key& key);
  // Runs `work` soon, on the alarms' thread; like set, when it is closing.
  void post(std::function<void()> work);

  // Rings all that is set, on the calling thread, as closing. Then ends its own thread.
  void close(TimePoint limit);

 private:
  void run();
  bool start_locked();

  std::weak_ptr<void> keep_;
  std::atomic<std::uint64_t> next_{1};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, Ring> set_;
  TimePoint sleeps_until_ = TimePoint::min();  // of the thread; min: it is awake
  bool closing_ = false;
  Thread thread_;
};

}  // namespace pinnate::module
