#include "runtime/pool.h"

#include "base/fork.h"
#include "base/guarded.h"
#include "runtime/joined_thread.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

// Work reports its own failures; what it still throws must not end the process.
void perform(std::function<void()>& work) noexcept {
  quietly([&work] { work(); });
  work = nullptr;
}

// Outlives its last user until its threads have left.
struct Threads : Pool, std::enable_shared_from_this<Threads> {
  // `prompt`: its work is short, so that threads leave soon once they are told to.
  Threads(const char* name, std::size_t most, bool prompt) : name(name), most(most), prompt(prompt) {}

  void submit(std::function<void()> work) override {
    {
      std::lock_guard lock(mutex);
      queue.push_back(std::move(work));
      if (queue.size() > idle && threads.size() < most) add_thread();
      if (threads.empty()) {
        work = std::move(queue.back());
        queue.pop_back();
      } else {
        work = nullptr;
      }
    }
    if (work) return perform(work);
    ready.notify_one();
  }

  // The work is in the queue by now and would run: its caller must not hear that it does not.
  void add_thread() noexcept {
    quietly([this] {
      threads.reserve(most);
      auto thread = JoinedThread::start(name, [self = shared_from_this()] { self->work(); });
      if (thread) threads.push_back(std::move(thread));
    });
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      idle++;
      ready.wait(lock, [this] { return ending || !queue.empty(); });
      idle--;
      if (queue.empty()) return;
      std::function<void()> work = std::move(queue.front());
      queue.pop_front();
      lock.unlock();
      perform(work);
      lock.lock();
    }
  }

  void end() {
    std::lock_guard lock(mutex);
    ending = true;
    for (auto& thread : threads) thread->leave(prompt);
    ready.notify_all();
  }

  const char* const name;
  const std::size_t most;
  const bool prompt;
  std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::function<void()>> queue;
  std::vector<std::shared_ptr<JoinedThread>> threads;
  std::size_t idle = 0;
  bool ending = false;
};

// One of a name at a time, for as long as anybody holds it.
std::shared_ptr<Pool> pool_of_process(const char* name, std::size_t most, bool prompt) {
  struct Pools {
    std::mutex mutex;
    std::map<std::string_view, std::weak_ptr<Pool>> by_name;
  };
  auto& [mutex, pools] = one_per_process<Pools>();
  std::lock_guard lock(mutex);
  std::shared_ptr<Pool> pool = pools[name].lock();
  if (pool) return pool;
  const auto threads = std::make_shared<Threads>(name, most, prompt);
  pools[name] = pool = std::shared_ptr<Pool>(threads.get(), [threads](Pool*) { threads->end(); });
  return pool;
}

}  // namespace

std::shared_ptr<Pool> Pool::shared() { return pool_of_process("pinnate-work", 2, true); }
std::shared_ptr<Pool> Pool::for_disk() { return pool_of_process("pinnate-disk", 2, true); }
std::shared_ptr<Pool> Pool::for_names() { return pool_of_process("pinnate-names", 1, false); }

struct Strand::State : std::enable_shared_from_this<State> {
  // After this much, others of the pool get their turn.
  static constexpr int kInOneGo = 16;

  void run() {
    for (int i = 0;; i++) {
      if (i >= kInOneGo) {
        const auto held = pool.lock();
        if (held && hand_over(*held)) return;
        i = 0;
      }
      std::function<void()> work;
      {
        std::lock_guard lock(mutex);
        if (queue.empty()) {
          running = false;
          return;
        }
        work = std::move(queue.front());
        queue.pop_front();
      }
      perform(work);
    }
  }

  // False: the pool has no memory for it. Nobody else would run what is queued, so the caller does.
  bool hand_over(Pool& to) noexcept {
    return quietly([&] { to.submit([self = shared_from_this()] { self->run(); }); });
  }

  std::weak_ptr<Pool> pool;  // so that the pool's last user is never one of its own threads
  std::mutex mutex;
  std::deque<std::function<void()>> queue;
  bool running = false;
};

Strand::Strand(std::shared_ptr<Pool> pool) : pool_(std::move(pool)), state_(std::make_shared<State>()) {
  state_->pool = pool_;
}

void Strand::submit(std::function<void()> work) {
  {
    std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(work));
    if (std::exchange(state_->running, true)) return;
  }
  if (!state_->hand_over(*pool_)) state_->run();
}

}  // namespace pinnate::runtime
