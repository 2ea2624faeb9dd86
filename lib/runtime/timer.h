// One libuv timer, which lives on by itself until libuv lets it go.
#pragma once

#include "runtime/reactor.h"

#include <cstdint>
#include <functional>

namespace pinnate::runtime {

class Timer {
 public:
  class Owner {
   public:
    virtual void timer_fired() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  Timer(Reactor& reactor, Owner* owner);
  Timer(const Timer&) = delete;
  ~Timer() { close(nullptr); }

  // At a time on the scale of uv_now; replaces the one before.
  void set(std::int64_t at_ms);
  // `closed` (or null) runs from libuv's closing phase, when what was closed on this loop in earlier turns is gone.
  void close(std::function<void()> closed);

 private:
  struct Handle;
  Handle* handle_;
};

}  // namespace pinnate::runtime
