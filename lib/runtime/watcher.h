// What waits on the loop: for a descriptor to be ready, or for a time. Their libuv handles live on
// until libuv lets them go.
#pragma once

#include "base/status.h"
#include "runtime/reactor.h"

#include <cstdint>
#include <functional>

namespace pinnate::runtime {

class Watcher {
 public:
  // Whoever is told; the watcher's owner, so that a link needs no allocation for it.
  class Owner {
   public:
    // At least one of the three. `error`: the descriptor has one, and is no longer watched.
    virtual void ready(bool readable, bool writable, bool error) noexcept = 0;

   protected:
    ~Owner() = default;
  };

  Watcher() = default;
  Watcher(const Watcher&) = delete;
  ~Watcher() { close(); }

  // Once. PINNATE_IO when the system can watch no more.
  Status open(Reactor& reactor, int fd, Owner* owner);
  // What to wait for from now on. Cheap when nothing changes.
  void want(bool readable, bool writable);
  // Nothing is told any more; the descriptor may be closed at once.
  void close();

 private:
  struct Poll;
  Poll* poll_ = nullptr;
};

class Timer {
 public:
  Timer(Reactor& reactor, std::function<void()> fired);  // which must not throw
  Timer(const Timer&) = delete;
  ~Timer() { close(nullptr); }

  // At a time on the scale of uv_now; replaces the one before.
  void set(std::int64_t at_ms);
  // `closed` (or null) runs from libuv's closing phase, after what was closed in earlier turns.
  void close(std::function<void()> closed);

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace pinnate::runtime
