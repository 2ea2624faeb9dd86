#include "runtime/joined_thread.h"

#include "base/fork.h"
#include "content/sha256.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

// SQLite, zlib and getaddrinfo fit; what is never touched costs nothing.
constexpr std::size_t kStackBytes = 1024 * 1024;

}  // namespace

// Every thread until it is joined.
struct JoinedThread::Roll {
  static Roll& get() {
    Roll& roll = one_per_process<Roll>();
    static constinit std::atomic<bool> ends_are_noticed{false};
    if (ends_are_noticed.load(std::memory_order_acquire)) return roll;
    // With the library unloaded under it, a thread would run on into nothing. OpenSSL's own
    // handler, which takes from each thread what it keeps there, is in place before this one, and
    // so runs after it.
    content::sha256({});
    const ForksWait whole;
    static const struct AtExit {
      ~AtExit() { join_leaving(1000, true); }
    } at_exit;
    ends_are_noticed.store(true, std::memory_order_release);
    return roll;
  }

  std::mutex mutex;
  std::vector<std::shared_ptr<JoinedThread>> threads;
};

std::shared_ptr<JoinedThread> JoinedThread::start(const char* name, std::function<void()> main) {
  Roll& roll = Roll::get();
  std::lock_guard lock(roll.mutex);
  std::erase_if(roll.threads, [](const auto& t) { return t->thread_.join_until(Clock::now()); });
  auto added = roll.threads.emplace_back(std::make_shared<JoinedThread>());
  auto thread = Thread::start(name, std::move(main), kStackBytes);
  if (!thread.ok()) return nullptr;  // what was added goes as one that has ended
  added->thread_ = std::move(*thread);
  return added;
}

// `all`: also those that may take long.
void JoinedThread::join_leaving(std::uint32_t limit_ms, bool all) {
  const TimePoint limit = Clock::now() + std::chrono::milliseconds(limit_ms);
  Roll& roll = Roll::get();
  std::lock_guard lock(roll.mutex);
  std::erase_if(roll.threads, [&](const auto& t) {
    const Leaving leaving = t->leaving_;
    const bool meant = leaving == Leaving::soon || (all && leaving == Leaving::late);
    return meant && !t->thread_.is_current() && t->thread_.join_until(limit);
  });
}

}  // namespace pinnate::runtime
