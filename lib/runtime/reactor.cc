#include "runtime/reactor.h"

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
constexpr int kTurnRounds = 8;  // what the ends of turns cause among each other, before sockets get their turn again

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

// Everything that libuv points at. Frees itself once its handles are closed, which begins when the reactor has gone.
class Core {
 public:
  explicit Core(uv_loop_t* loop) : loop(loop), thread(std::this_thread::get_id()) {}

  bool open() {
    if (uv_async_init(loop, &async_, [](uv_async_t* a) { of(a)->posted(); }) != 0) return false;
    uv_prepare_init(loop, &prepare_);
    uv_check_init(loop, &check_);
    async_.data = prepare_.data = check_.data = this;
    // Before waiting, for what timers and the host's own callbacks caused; after it, for what sockets and posts caused.
    uv_prepare_start(&prepare_, [](uv_prepare_t* p) { of(p)->end_turn(); });
    uv_check_start(&check_, [](uv_check_t* c) { of(c)->end_turn(); });
    uv_unref(reinterpret_cast<uv_handle_t*>(&prepare_));
    uv_unref(reinterpret_cast<uv_handle_t*>(&check_));
    return true;
  }

  void post(std::shared_ptr<Reactor::Posted> work) {
    bool first;
    {
      std::lock_guard lock(mutex_);
      first = posted_.empty();
      posted_.add(std::move(work));
    }
    if (first) uv_async_send(&async_);
  }

  // The reactor has gone; any thread.
  void end() {
    std::lock_guard lock(mutex_);  // held to the end: the loop's thread must not free this object under uv_async_send
    ending_ = true;
    uv_async_send(&async_);
  }

  void at_turn_end(TurnEnd* user) {
    if (user->turn_end_due) return;
    due_.push_back(user);
    user->turn_end_due = true;
    // A host's callback may run after ours and before the loop waits.
    if (depth == 0) uv_async_send(&async_);
  }

  void forget(TurnEnd* user) {
    if (std::exchange(user->turn_end_due, false)) std::erase(due_, user);
    std::replace(ending_turns_.begin(), ending_turns_.end(), user, static_cast<TurnEnd*>(nullptr));
  }

  std::span<char> receive_buffer() {
    if (!receive_) receive_ = std::make_unique_for_overwrite<char[]>(kReceiveBytes);
    return {receive_.get(), kReceiveBytes};
  }

  uv_loop_t* const loop;
  std::atomic<std::thread::id> thread;
  int depth = 0;

 private:
  template <typename Handle>
  static Core* of(Handle* handle) {
    return static_cast<Core*>(handle->data);
  }

  void posted() noexcept {
    PostedList batch = [this] {
      std::lock_guard lock(mutex_);
      return std::move(posted_);
    }();
    depth++;
    while (!batch.empty()) {
      const std::shared_ptr<Reactor::Posted> work = batch.take();
      try {
        work->run();
      } catch (...) {  // nothing that is posted lets an exception out, but for a host's callback
      }
    }
    depth--;
    bool over;
    {
      std::lock_guard lock(mutex_);
      over = ending_ && posted_.empty();
    }
    if (over) close();
  }

  void end_turn() noexcept {
    depth++;
    for (int round = 0; round < kTurnRounds && !due_.empty(); round++) {
      ending_turns_.swap(due_);
      for (TurnEnd* user : ending_turns_) user->turn_end_due = false;
      for (std::size_t i = 0; i < ending_turns_.size(); i++) {
        try {
          if (TurnEnd* user = ending_turns_[i]) user->turn_ended();
        } catch (...) {  // users guard themselves; a host must survive what they missed
        }
      }
      ending_turns_.clear();
    }
    depth--;
    if (!due_.empty()) uv_async_send(&async_);
  }

  void close() {
    for (uv_handle_t* handle : {reinterpret_cast<uv_handle_t*>(&async_), reinterpret_cast<uv_handle_t*>(&prepare_),
                                reinterpret_cast<uv_handle_t*>(&check_)}) {
      if (!uv_is_closing(handle))
        uv_close(handle, [](uv_handle_t* h) {
          Core* core = of(h);
          if (--core->open_handles_ == 0) delete core;
        });
    }
  }

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

class LoopReactor : public Reactor {
 public:
  // With `own_thread`, the thread that runs the loop.
  LoopReactor(Core* core, std::shared_ptr<JoinedThread> own_thread) : core_(core), own_thread_(std::move(own_thread)) {}
  ~LoopReactor() override {
    if (own_thread_) own_thread_->leave(true);
    core_->end();
  }

  uv_loop_s* loop() const override { return core_->loop; }
  bool shared_thread() const override { return own_thread_ != nullptr; }
  bool on_loop_thread() const override { return core_->thread == std::this_thread::get_id(); }
  void post(std::function<void()> work) override { core_->post(std::make_shared<PostedFunction>(std::move(work))); }
  void post(std::shared_ptr<Posted> work) noexcept override { core_->post(std::move(work)); }
  void at_turn_end(TurnEnd* user) override { core_->at_turn_end(user); }
  void forget(TurnEnd* user) override { core_->forget(user); }
  std::span<char> receive_buffer() override { return core_->receive_buffer(); }

  void run(const std::function<void()>& work) override {
    if (on_loop_thread()) return work();
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::exception_ptr thrown;
    post([&] {
      std::exception_ptr caught;
      try {
        work();
      } catch (...) {
        caught = std::current_exception();
      }
      std::lock_guard lock(mutex);
      thrown = std::move(caught);
      done = true;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
    if (thrown) std::rethrow_exception(thrown);
  }

 protected:
  int& depth() override { return core_->depth; }

 private:
  Core* core_;
  std::shared_ptr<JoinedThread> own_thread_;
};

// Which reactor a loop has; under NULL, the shared one. Never destroyed: reactors may outlive static objects.
struct Attached {
  std::mutex mutex;
  std::map<uv_loop_t*, std::weak_ptr<Reactor>> by_loop;

  static Attached& get() {
    static Attached& attached = *new Attached;
    return attached;
  }
};

std::shared_ptr<Reactor> on_host_loop(uv_loop_t* loop) {
  auto core = std::make_unique<Core>(loop);
  if (!core->open()) return nullptr;
  return std::make_shared<LoopReactor>(core.release(), nullptr);
}

std::shared_ptr<Reactor> on_own_thread() {
  auto loop = std::make_unique<uv_loop_t>();
  if (uv_loop_init(loop.get()) != 0) return nullptr;
  auto core = std::make_unique<Core>(loop.get());
  if (!core->open()) {
    uv_loop_close(loop.get());
    return nullptr;
  }
  Core* const opened = core.release();
  opened->thread = std::thread::id();
  std::shared_ptr<JoinedThread> thread = JoinedThread::start("pinnate-loop", [opened, loop = loop.get()] {
    opened->thread = std::this_thread::get_id();
    uv_run(loop, UV_RUN_DEFAULT);  // until the last reactor has gone, and with it every handle
    if (uv_loop_close(loop) == 0) delete loop;
  });
  if (!thread) {
    opened->end();
    uv_run(loop.get(), UV_RUN_DEFAULT);
    uv_loop_close(loop.get());
    return nullptr;
  }
  loop.release();
  return std::make_shared<LoopReactor>(opened, std::move(thread));
}

}  // namespace

std::shared_ptr<Reactor> Reactor::attach(uv_loop_s* loop) {
  Attached& attached = Attached::get();
  std::lock_guard lock(attached.mutex);
  std::erase_if(attached.by_loop, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<Reactor> reactor = attached.by_loop[loop].lock();
  if (!reactor) attached.by_loop[loop] = reactor = loop ? on_host_loop(loop) : on_own_thread();
  return reactor;
}

}  // namespace pinnate::runtime
