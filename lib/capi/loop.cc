#include "capi/loop.h"

#include "capi/entry.h"

#include <utility>

using namespace pinnate;

namespace {

constexpr int kMostTurns = 16;  // in one dispatch; then the host gets its turn again

Status no_loop() { return {PINNATE_IO, "the system has no descriptor to give for a loop"}; }

Status dispatch(pinnate_loop& loop) {
  if (!loop.reactor->on_loop_thread() || loop.reactor->inside())
    return {PINNATE_WRONG_THREAD, "a loop is dispatched on the thread that made it, and not inside a callback"};
  // What callbacks begin to wait for is registered with the descriptor in the next turn: so the
  // last turn is one without callbacks.
  for (int turn = 0; turn < kMostTurns; turn++) {
    const std::uint64_t before = loop.reactor->callbacks();
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    if (loop.reactor->callbacks() == before) return {};
  }
  loop.reactor->waits_changed();
  return {};
}

Status free_loop(pinnate_loop& loop) {
  if (!loop.reactor->on_loop_thread()) return {PINNATE_WRONG_THREAD, "a loop is freed on the thread that made it"};
  if (loop.reactor.use_count() > 1)
    return {PINNATE_IN_USE, "a handle on this loop is not closed: go on dispatching until it is"};
  loop.reactor = nullptr;
  uv_run(&loop.uv, UV_RUN_DEFAULT);  // ends: nothing is left on it but what closes now
  uv_loop_close(&loop.uv);
  delete &loop;
  return {};
}

}  // namespace

pinnate_status pinnate_loop_new(pinnate_loop** loop) {
  return capi::guarded([&]() -> Status {
    if (Status s = capi::required(loop, "loop"); !s.ok()) return s;
    *loop = nullptr;
    auto made = std::make_unique<pinnate_loop>();
    if (uv_loop_init(&made->uv) != 0) return no_loop();
    made->reactor = runtime::Reactor::drive(&made->uv);
    if (!made->reactor) {
      uv_loop_close(&made->uv);
      return no_loop();
    }
    *loop = made.release();
    return dispatch(**loop);  // from now on what is posted makes the descriptor readable
  });
}

int pinnate_loop_fd(const pinnate_loop* loop) { return loop ? uv_backend_fd(&loop->uv) : -1; }

int pinnate_loop_timeout_ms(const pinnate_loop* loop) {
  if (!loop || !loop->opened.check().ok()) return -1;
  uv_update_time(const_cast<uv_loop_t*>(&loop->uv));  // libuv counts from when it last looked at the clock
  return uv_backend_timeout(&loop->uv);
}

pinnate_status pinnate_loop_dispatch(pinnate_loop* loop) { return capi::with(loop, dispatch); }

pinnate_status pinnate_loop_free(pinnate_loop* loop) { return loop ? capi::with(loop, free_loop) : PINNATE_OK; }
