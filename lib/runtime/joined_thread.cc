#include "runtime/joined_thread.h"

#include "base/thread.h"
#include "content/sha256.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

// SQLite, zlib and getaddrinfo fit; what is never touched costs nothing.
constexpr std::size_t kStackBytes = 1024 * 1024;

struct Running : JoinedThread {
  void leave(bool soon) override {
    leaving_soon = soon;
    leaving = true;
  }

  Thread thread;
  std::atomic<bool> leaving{false}, leaving_soon{false};
};

// Every thread until it is joined. Never destroyed itself, since threads may still run while the
// process exits.
class Roll {
 public:
  static Roll& get() {
    static Roll& roll = *new Roll;
    // With the library unloaded under it, a thread would run on into nothing. OpenSSL's own
    // handler, which takes from each thread what it keeps there, is in place before this one, and
    // so runs after it.
    static const struct AtExit {
      AtExit() { content::sha256({}); }
      ~AtExit() { roll.join_leaving(1000, true); }
    } at_exit;
    return roll;
  }

  bool start(const std::shared_ptr<Running>& running, const char* name, std::function<void()> main) {
    std::lock_guard lock(mutex_);
    if (process_ != getpid()) {  // a child of fork has none of its parent's threads
      for (const auto& t : threads_) t->thread.forget();
      threads_.clear();
    }
    process_ = getpid();
    std::erase_if(threads_, [](const auto& t) { return t->thread.join_until(Clock::now()); });
    threads_.push_back(running);
    auto thread = Thread::start(name, std::move(main), kStackBytes);
    if (thread.ok())
      running->thread = std::move(*thread);
    else
      threads_.pop_back();
    return thread.ok();
  }

  // `all`: also those that may take long.
  void join_leaving(std::uint32_t limit_ms, bool all) {
    const TimePoint limit = Clock::now() + std::chrono::milliseconds(limit_ms);
    std::lock_guard lock(mutex_);
    if (process_ != getpid()) return;
    std::erase_if(threads_, [&](const auto& t) {
      if (!t->leaving || !(all || t->leaving_soon) || t->thread.is_current()) return false;
      return t->thread.join_until(limit);
    });
  }

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Running>> threads_;
  pid_t process_ = 0;
};

}  // namespace

std::shared_ptr<JoinedThread> JoinedThread::start(const char* name, std::function<void()> main) {
  auto running = std::make_shared<Running>();
  if (!Roll::get().start(running, name, std::move(main))) return nullptr;
  return running;
}

void JoinedThread::join_leaving(std::uint32_t limit_ms) { Roll::get().join_leaving(limit_ms, false); }

}  // namespace pinnate::runtime
