#include "runtime/watcher.h"

#include <uv.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace pinnate::runtime {

struct Watcher::Poll {
  uv_poll_t handle;
  Owner* owner;
  Reactor* reactor;
  int events = 0;

  static void told(uv_poll_t* handle, int status, int events) {
    Poll* poll = static_cast<Poll*>(handle->data);
    if (!poll->owner) return;
    Reactor::Inside inside(*poll->reactor);
    if (status < 0) poll->events = 0;  // libuv has stopped watching
    poll->owner->ready(events & UV_READABLE, events & UV_WRITABLE, status < 0);
  }
};

Status Watcher::open(Reactor& reactor, int fd, Owner* owner) {
  auto poll = std::make_unique<Poll>();
  const int error = uv_poll_init(reactor.loop(), &poll->handle, fd);
  if (error != 0) return {PINNATE_IO, std::string("cannot watch a socket: ") + uv_strerror(error)};
  poll->owner = owner;
  poll->reactor = &reactor;
  poll->handle.data = poll.get();
  poll_ = poll.release();
  return {};
}

void Watcher::want(bool readable, bool writable) {
  const int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);
  if (!poll_ || events == poll_->events) return;
  poll_->events = events;
  if (events == 0) {
    uv_poll_stop(&poll_->handle);
  } else {
    uv_poll_start(&poll_->handle, events, Poll::told);
    poll_->reactor->waits_changed();
  }
}

void Watcher::close() {
  Poll* poll = std::exchange(poll_, nullptr);
  if (!poll) return;
  poll->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll->handle), [](uv_handle_t* h) { delete static_cast<Poll*>(h->data); });
}

struct Timer::Handle {
  uv_timer_t timer;
  Reactor* reactor;
  std::function<void()> fired, closed;
};

Timer::Timer(Reactor& reactor, std::function<void()> fired)
    : handle_(new Handle{{}, &reactor, std::move(fired), nullptr}) {
  uv_timer_init(reactor.loop(), &handle_->timer);
  handle_->timer.data = handle_;
}

void Timer::set(std::int64_t at_ms) {
  if (!handle_) return;
  const std::int64_t in_ms = at_ms - static_cast<std::int64_t>(uv_now(handle_->timer.loop));
  const auto fired = [](uv_timer_t* timer) {
    Handle* handle = static_cast<Handle*>(timer->data);
    Reactor::Inside inside(*handle->reactor);
    handle->fired();
  };
  uv_timer_start(&handle_->timer, fired, static_cast<std::uint64_t>(std::max<std::int64_t>(in_ms, 0)), 0);
}

void Timer::close(std::function<void()> closed) {
  Handle* handle = std::exchange(handle_, nullptr);
  if (!handle) return;
  handle->closed = std::move(closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle->timer), [](uv_handle_t* timer) {
    const std::unique_ptr<Handle> gone(static_cast<Handle*>(timer->data));
    if (gone->closed) gone->closed();
  });
}

}  // namespace pinnate::runtime
