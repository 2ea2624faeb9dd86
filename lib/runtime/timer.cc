#include "runtime/timer.h"

#include <uv.h>

#include <algorithm>
#include <utility>

namespace pinnate::runtime {

struct Timer::Handle {
  uv_timer_t timer;
  Reactor* reactor;
  Owner* owner;
  std::function<void()> closed;

  static void fired(uv_timer_t* timer) {
    Handle* handle = static_cast<Handle*>(timer->data);
    Reactor::Inside inside(*handle->reactor);
    handle->owner->timer_fired();
  }
  static void let_go(uv_handle_t* timer) {
    Handle* handle = static_cast<Handle*>(timer->data);
    const std::function<void()> closed = std::move(handle->closed);
    delete handle;
    if (closed) closed();
  }
};

Timer::Timer(Reactor& reactor, Owner* owner) : handle_(new Handle{{}, &reactor, owner, nullptr}) {
  uv_timer_init(reactor.loop(), &handle_->timer);
  handle_->timer.data = handle_;
}

void Timer::set(std::int64_t at_ms) {
  if (!handle_) return;
  const std::int64_t in_ms = at_ms - static_cast<std::int64_t>(uv_now(handle_->timer.loop));
  uv_timer_start(&handle_->timer, Handle::fired, static_cast<std::uint64_t>(std::max<std::int64_t>(in_ms, 0)), 0);
}

void Timer::close(std::function<void()> closed) {
  Handle* handle = std::exchange(handle_, nullptr);
  if (!handle) return;
  handle->closed = std::move(closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->timer), Handle::let_go);
}

}  // namespace pinnate::runtime
