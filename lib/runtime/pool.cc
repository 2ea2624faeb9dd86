#include "runtime/pool.h"

#include "runtime/joined_thread.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

// Work reports its own failures; what it still throws must not end the process.
void perform(std::function<void()>& work) noexcept {
  try {
    work();
  } catch (...) {
  }
  work = nullptr;
}

// What the threads hold: outlives the pool until the last of them has left.
struct Threads : std::enable_shared_from_this<Threads> {
  // `prompt`: its work is short, so that threads leave soon once they are told to.
  Threads(const char* name, std::size_t most, bool prompt) : name(name), most(most), prompt(prompt) {}

  void submit(std::function<void()> work) {
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

  // Throws nothing, since the work is in the queue by now: it would run, and its caller believe that it does not.
  void add_thread() noexcept {
    try {
      threads.reserve(most);
      auto thread = JoinedThread::start(name, [self = shared_from_this()] { self->work(); });
      if (thread) threads.push_back(std::move(thread));
    } catch (...) {  // no memory for a thread is no thread
    }
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

class ThreadPool : public Pool {
 public:
  ThreadPool(const char* name, std::size_t most, bool prompt)
      : threads_(std::make_shared<Threads>(name, most, prompt)) {}
  ~ThreadPool() override { threads_->end(); }
  void submit(std::function<void()> work) override { threads_->submit(std::move(work)); }

 private:
  std::shared_ptr<Threads> threads_;
};

// One at a time per process, for as long as anybody holds it.
struct PerProcess {
  std::mutex mutex;
  std::weak_ptr<Pool> pool;

  std::shared_ptr<Pool> get(const char* name, std::size_t most, bool prompt) {
    std::lock_guard lock(mutex);
    std::shared_ptr<Pool> held = pool.lock();
    if (!held) pool = held = std::make_shared<ThreadPool>(name, most, prompt);
    return held;
  }
};

}  // namespace

std::shared_ptr<Pool> Pool::shared() {
  static PerProcess& pool = *new PerProcess;
  return pool.get("pinnate-work", 2, true);
}

std::shared_ptr<Pool> Pool::for_disk() {
  static PerProcess& pool = *new PerProcess;
  return pool.get("pinnate-disk", 2, true);
}

std::shared_ptr<Pool> Pool::for_names() {
  static PerProcess& pool = *new PerProcess;
  return pool.get("pinnate-names", 1, false);
}

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

  // False: the pool has no memory for it. Nobody else would ever run what is queued, so the caller does.
  bool hand_over(Pool& to) noexcept {
    try {
      to.submit([self = shared_from_this()] { self->run(); });
      return true;
    } catch (...) {
      return false;
    }
  }

  std::weak_ptr<Pool> pool;  // so that the pool's last user is never one of its own threads
  std::mutex mutex;
  std::deque<std::function<void()>> queue;
  bool running = false;
};

Strand::Strand(std::shared_ptr<Pool> pool) : pool_(std::move(pool)), state_(std::make_shared<State>()) {
  state_->pool = pool_;
}
Strand::~Strand() = default;

void Strand::submit(std::function<void()> work) {
  {
    std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(work));
    if (std::exchange(state_->running, true)) return;
  }
  if (!state_->hand_over(*pool_)) state_->run();
}

}  // namespace pinnate::runtime
