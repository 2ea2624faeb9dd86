#include "runtime/reactor.h"

#include "base/fork.h"
#include "base/guarded.h"
#include "runtime/joined_thread.h"

#include <uv.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace pinnate::runtime {
namespace {

constexpr std::size_t kReceiveBytes = 64 * 1024;
constexpr int kTurnRounds = 8;  // ends of turns may cause others; then sockets get their turn again

// What was posted, in order.
class PostedList {
 public:
  PostedList() = default;
  PostedList(PostedList&& other) noexcept
      : first_(std::move(other.first_)), last_(std::exchange(other.last_, nullptr)) {}
  ~PostedList() {
    while (!empty()) take();  // one by one: a long list would end itself deep in the stack
  }
  bool empty() const { return first_ == nullptr; }
  void add(std::shared_ptr<Reactor::Posted> work) {
    Reactor::Posted* const added = work.get();
    (last_ ? last_->after : first_) = std::move(work);
    last_ = added;
  }
  std::shared_ptr<Reactor::Posted> take() {
    std::shared_ptr<Reactor::Posted> work = std::move(first_);
    first_ = std::move(work->after);
    if (!first_) last_ = nullptr;
    return work;
  }

 private:
  std::shared_ptr<Reactor::Posted> first_;
  Reactor::Posted* last_ = nullptr;
};

struct PostedFunction : Reactor::Posted {
  explicit PostedFunction(std::function<void()> work) : work(std::move(work)) {}
  void run() override { work(); }
  const std::function<void()> work;
};

// Frees itself once its libuv handles are closed, which begins when nobody holds it any more.
class LoopReactor final : public Reactor {
 public:
  // Whose turns the loop takes: its own thread's, those of somebody who uses it for us, a host's.
  enum class Turned { by_own_thread, by_driver, by_host };
  LoopReactor(uv_loop_t* loop, Turned turned) : loop_(loop), turned_(turned) {
    if (turned != Turned::by_own_thread) thread_ = std::this_thread::get_id();
  }

  bool open() {
    if (uv_async_init(loop_, &async_, [](uv_async_t* a) { of(a)->posted(); }) != 0) return false;
    uv_prepare_init(loop_, &prepare_);
    uv_check_init(loop_, &check_);
    async_.data = prepare_.data = check_.data = this;
    // Before waiting, for what timers and the host's callbacks caused; after it, for all else.
    uv_prepare_start(&prepare_, [](uv_prepare_t* p) { of(p)->end_turn(); });
    uv_check_start(&check_, [](uv_check_t* c) { of(c)->end_turn(); });
    uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
    uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
    return true;
  }

  void run_loop() {
    thread_ = std::this_thread::get_id();
    uv_run(loop_, UV_RUN_DEFAULT);  // until nobody holds this, and every handle is closed
  }

  // Nobody holds it any more. Any thread.
  void end() {
    std::lock_guard lock(mutex_);  // to the end: nobody may free this object under uv_async_send
    ending_ = true;
    uv_async_send(&async_);
  }

  uv_loop_s* loop() const override { return loop_; }
  bool shared_thread() const override { return turned_ != Turned::by_host; }
  bool on_loop_thread() const override { return thread_ == std::this_thread::get_id(); }
  void post(std::function<void()> work) override { post(std::make_shared<PostedFunction>(std::move(work))); }
  void post(std::shared_ptr<Posted> work) noexcept override {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = posted_.empty();
      posted_.add(std::move(work));
    }
    if (first) uv_async_send(&async_);
  }

  void run(const std::function<void()>& work) override {
    if (on_loop_thread()) return work();
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::exception_ptr thrown;
    post([&] {
      try {
        work();
      } catch (...) {
        thrown = std::current_exception();
      }
      std::lock_guard lock(mutex);
      done = true;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
    if (thrown) std::rethrow_exception(thrown);
  }

  void at_turn_end(TurnEnd* user) override {
    if (user->turn_end_due) return;
    due_.push_back(user);
    user->turn_end_due = true;
    // A host's callback may run after ours and before the loop waits.
    if (depth_ == 0) uv_async_send(&async_);
  }

  bool driven() const override { return turned_ == Turned::by_driver; }
  void turn() override { uv_run(loop_, UV_RUN_ONCE); }

  void waits_changed() override {
    if (turned_ == Turned::by_driver && depth_ == 0) uv_async_send(&async_);
  }

  void forget(TurnEnd* user) override {
    if (std::exchange(user->turn_end_due, false)) std::erase(due_, user);
    std::replace(ending_turns_.begin(), ending_turns_.end(), user, static_cast<TurnEnd*>(nullptr));
  }

  std::span<char> receive_buffer() override {
    if (!receive_) receive_ = std::make_unique_for_overwrite<char[]>(kReceiveBytes);
    return {receive_.get(), kReceiveBytes};
  }

 private:
  template <typename Handle>
  static LoopReactor* of(Handle* handle) {
    return static_cast<LoopReactor*>(handle->data);
  }

  void posted() noexcept {
    PostedList batch = [this] {
      std::lock_guard lock(mutex_);
      return std::move(posted_);
    }();
    Inside inside(*this);
    while (!batch.empty()) {
      const std::shared_ptr<Posted> work = batch.take();
      quietly([&] { work->run(); });  // only a host's callback lets an exception out
    }
    std::unique_lock lock(mutex_);
    const bool over = ending_ && posted_.empty();
    lock.unlock();
    if (over) close();
  }

  void end_turn() noexcept {
    depth_++;
    for (int round = 0; round < kTurnRounds && !due_.empty(); round++) {
      ending_turns_.swap(due_);
      for (TurnEnd* user : ending_turns_) user->turn_end_due = false;
      // Users guard themselves; a host must survive what they missed.
      for (std::size_t i = 0; i < ending_turns_.size(); i++)
        if (TurnEnd* user = ending_turns_[i]) quietly([user] { user->turn_ended(); });
      ending_turns_.clear();
    }
    depth_--;
    if (!due_.empty()) uv_async_send(&async_);
  }

  void close() {
    for (uv_handle_t* handle : {reinterpret_cast<uv_handle_t*>(&async_), reinterpret_cast<uv_handle_t*>(&prepare_),
                                reinterpret_cast<uv_handle_t*>(&check_)}) {
      if (!uv_is_closing(handle))
        uv_close(handle, [](uv_handle_t* h) {
          LoopReactor* reactor = of(h);
          if (--reactor->open_handles_ == 0) delete reactor;
        });
    }
  }

  uv_loop_t* const loop_;
  const Turned turned_;
  std::atomic<std::thread::id> thread_{};
  uv_async_t async_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  int open_handles_ = 3;

  std::mutex mutex_;
  PostedList posted_;
  bool ending_ = false;

  std::vector<TurnEnd*> due_, ending_turns_;
  std::unique_ptr<char[]> receive_;
};

std::shared_ptr<Reactor> hold(std::unique_ptr<LoopReactor> opened, std::shared_ptr<JoinedThread> thread) {
  return std::shared_ptr<Reactor>(opened.release(), [thread = std::move(thread)](Reactor* reactor) {
    if (thread) thread->leave(true);
    static_cast<LoopReactor*>(reactor)->end();
  });
}

std::shared_ptr<Reactor> on_loop_of(LoopReactor::Turned turned, uv_loop_t* loop) {
  auto reactor = std::make_unique<LoopReactor>(loop, turned);
  return reactor->open() ? hold(std::move(reactor), nullptr) : nullptr;
}

std::shared_ptr<Reactor> on_own_thread() {
  auto loop = std::make_unique<uv_loop_t>();
  if (uv_loop_init(loop.get()) != 0) return nullptr;
  auto reactor = std::make_unique<LoopReactor>(loop.get(), LoopReactor::Turned::by_own_thread);
  if (!reactor->open()) {
    uv_loop_close(loop.get());
    return nullptr;
  }
  const auto run = [running = reactor.get(), on = loop.release()] {
    running->run_loop();
    if (uv_loop_close(on) == 0) delete on;
  };
  if (auto thread = JoinedThread::start("pinnate-loop", run)) return hold(std::move(reactor), std::move(thread));
  reactor.release()->end();
  run();
  return nullptr;
}

struct Attached {
  std::mutex mutex;
  std::map<uv_loop_t*, std::weak_ptr<Reactor>> by_loop;  // under null, the shared one

  template <class Make>
  std::shared_ptr<Reactor> get(uv_loop_t* loop, Make make) {
    const std::lock_guard lock(mutex);
    std::erase_if(by_loop, [](const auto& entry) { return entry.second.expired(); });
    std::shared_ptr<Reactor> reactor = by_loop[loop].lock();
    if (!reactor) by_loop[loop] = reactor = make();
    return reactor;
  }
};

}  // namespace

std::shared_ptr<Reactor> Reactor::attach(uv_loop_s* loop) {
  return one_per_process<Attached>().get(
      loop, [&] { return loop ? on_loop_of(LoopReactor::Turned::by_host, loop) : on_own_thread(); });
}

std::shared_ptr<Reactor> Reactor::drive(uv_loop_s* loop) {
  return one_per_process<Attached>().get(loop, [&] { return on_loop_of(LoopReactor::Turned::by_driver, loop); });
}

}  // namespace pinnate::runtime
