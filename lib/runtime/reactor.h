// The libuv loop a handle lives on: the host's own, or one thread of the library's shared by all handles that ask for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

struct uv_loop_s;

namespace pinnate::runtime {

class Reactor {
 public:
  // `loop` NULL: the shared thread, started with its first user and ended with its last. Else the host's loop: call on its thread.
  static std::shared_ptr<Reactor> attach(uv_loop_s* loop);
  virtual ~Reactor() = default;

  virtual uv_loop_s* loop() const = 0;
  virtual bool shared_thread() const = 0;    // the library's own thread
  virtual bool on_loop_thread() const = 0;
  // Runs `work` on the loop's thread, soon, never from inside this call. Any thread. The order of one thread's posts is kept.
  virtual void post(std::function<void()> work) = 0;
  // Runs `work` on the loop's thread and waits for it; at once when called there. Only where shared_thread().
  virtual void run(const std::function<void()>& work) = 0;
};

}  // namespace pinnate::runtime
