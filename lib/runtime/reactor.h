// The libuv loop a handle lives on: the host's own, or that of a thread of the library's, shared by
// all handles that ask for it. While anybody holds a reactor its loop stays alive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

struct uv_loop_s;

namespace pinnate::runtime {

// Somebody with things to do once, when a burst of events is over: many small writes become one.
class TurnEnd {
 public:
  virtual void turn_ended() = 0;
  bool turn_end_due = false;  // the reactor's: it has been asked for

 protected:
  ~TurnEnd() = default;
};

class Reactor {
 public:
  // `loop` NULL: the shared thread, which starts with its first user and ends with its last. Else
  // the host's: call on its thread. Null when the system has no thread or descriptor to give. The
  // last reference may go on any thread.
  static std::shared_ptr<Reactor> attach(uv_loop_s* loop);
  // One for a loop that somebody turns on this thread, with handles that any thread may use. For as
  // long as it is held, attach gives it to whoever names the loop.
  static std::shared_ptr<Reactor> drive(uv_loop_s* loop);
  virtual ~Reactor() = default;

  virtual uv_loop_s* loop() const = 0;
  virtual bool shared_thread() const = 0;  // the library's own thread, or one that turns a loop of the library's
  virtual bool on_loop_thread() const = 0;
  // Runs `work` on the loop's thread, soon, never from inside this call. Any thread, whose posts
  // keep their order.
  virtual void post(std::function<void()> work) = 0;
  // The same without needing memory, for what somebody waits for. Posted once in its life.
  class Posted {
   public:
    virtual ~Posted() = default;
    virtual void run() = 0;
    std::shared_ptr<Posted> after;  // the reactor's
  };
  virtual void post(std::shared_ptr<Posted> work) noexcept = 0;
  // Runs `work` on the loop's thread and waits for it; at once when called there. Only where
  // shared_thread(). What it throws is thrown here.
  virtual void run(const std::function<void()>& work) = 0;

  // The rest is for the loop's thread.

  // How many callbacks of libuv's there were, and whether one runs.
  std::uint64_t callbacks() const { return callbacks_; }
  bool inside() const { return depth_ > 0; }
  // Of a loop that is driven, and not in a callback: waits for what comes next, and does it.
  virtual bool driven() const = 0;
  virtual void turn() = 0;
  // What is waited for has changed: a loop that others poll has to be turned once more, unless it
  // is being turned.
  virtual void waits_changed() = 0;

  // Calls `user` once before the loop waits again, never from inside this call.
  virtual void at_turn_end(TurnEnd* user) = 0;
  virtual void forget(TurnEnd* user) = 0;
  // For received bytes, until the callback that uses it returns.
  virtual std::span<char> receive_buffer() = 0;

  // Stands in every callback of libuv's: at_turn_end need not wake the loop meanwhile.
  class Inside {
   public:
    explicit Inside(Reactor& reactor) : depth_(reactor.depth_) {
      depth_++;
      reactor.callbacks_++;
    }
    ~Inside() { depth_--; }
    Inside(const Inside&) = delete;

   private:
    int& depth_;
  };

 protected:
  int depth_ = 0;
  std::uint64_t callbacks_ = 0;
};

}  // namespace pinnate::runtime
