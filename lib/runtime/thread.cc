#include "runtime/thread.h"

#include "base/join_thread.h"
#include "content/sha256.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

namespace pinnate::runtime {
namespace {

// SQLite, zlib and getaddrinfo fit; what is never touched costs nothing.
constexpr std::size_t kStackBytes = 1024 * 1024;

struct Running : Thread {
  void leave(bool soon) override {
    leaving_soon = soon;
    leaving = true;
  }

  pthread_t handle{};
  std::string name;
  std::function<void()> main;
  std::atomic<bool> leaving{false}, leaving_soon{false}, ended{false};
};

// Every thread until it is joined. Never destroyed itself, since threads may still run while the process exits.
class Roll {
 public:
  static Roll& get() {
    static Roll& roll = *new Roll;
    // With the library unloaded under it, a thread would run on into nothing. OpenSSL's own handler, which takes from
    // each thread what it keeps there, is in place before this one, and so runs after it.
    static const struct AtExit {
      AtExit() { content::sha256({}); }
      ~AtExit() { roll.join_leaving(1000, true); }
    } at_exit;
    return roll;
  }

  bool start(std::shared_ptr<Running> thread) {
    auto argument = std::make_unique<std::shared_ptr<Running>>(thread);
    std::lock_guard lock(mutex_);
    if (process_ != getpid()) threads_.clear();  // a child of fork has none of its parent's threads
    process_ = getpid();
    std::erase_if(threads_, [](const auto& t) { return t->ended && pthread_join(t->handle, nullptr) == 0; });
    threads_.push_back(thread);
    if (create(thread->handle, argument.get())) {
      argument.release();
      return true;
    }
    threads_.pop_back();
    return false;
  }

  // `all`: also those that may take long.
  void join_leaving(std::uint32_t limit_ms, bool all) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
    std::lock_guard lock(mutex_);
    if (process_ != getpid()) return;
    std::erase_if(threads_, [&](const auto& t) {
      if (!t->leaving || !(all || t->leaving_soon) || pthread_equal(t->handle, pthread_self())) return false;
      return join_until(t->handle, limit);
    });
  }

 private:
  // Throws nothing: it would leave a thread on the roll that is not there, or the caller's signals blocked.
  static bool create(pthread_t& handle, std::shared_ptr<Running>* argument) noexcept {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setstacksize(&attributes, kStackBytes);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // inherited by the new thread
    const bool ok = pthread_create(&handle, &attributes, enter, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_attr_destroy(&attributes);
    return ok;
  }

  static void* enter(void* argument) {
    std::shared_ptr<Running> thread = std::move(*static_cast<std::shared_ptr<Running>*>(argument));
    delete static_cast<std::shared_ptr<Running>*>(argument);
    pthread_setname_np(pthread_self(), thread->name.c_str());
    thread->main();
    thread->main = nullptr;
    thread->ended = true;
    return nullptr;
  }

  std::mutex mutex_;
  std::vector<std::shared_ptr<Running>> threads_;
  pid_t process_ = 0;
};

}  // namespace

std::shared_ptr<Thread> Thread::start(const char* name, std::function<void()> main) {
  auto thread = std::make_shared<Running>();
  thread->name = std::string(name).substr(0, 15);
  thread->main = std::move(main);
  if (!Roll::get().start(thread)) return nullptr;
  return thread;
}

void Thread::join_leaving(std::uint32_t limit_ms) { Roll::get().join_leaving(limit_ms, false); }

}  // namespace pinnate::runtime
