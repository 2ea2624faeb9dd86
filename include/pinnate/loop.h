/* pinnate/loop.h: a loop that the host's own drives: for hosts whose loop is not libuv's (GLib,
 * epoll, a game's frame). See common.h for the conventions.
 *
 * Poll for input on pinnate_loop_fd, no longer than pinnate_loop_timeout_ms says, and then
 * dispatch:
 *
 *     struct pollfd p = { pinnate_loop_fd(loop), POLLIN, 0 };
 *     poll(&p, 1, pinnate_loop_timeout_ms(loop));
 *     pinnate_loop_dispatch(loop);
 *
 * Callbacks of handles whose options name this loop run inside pinnate_loop_dispatch, and on its
 * thread inside ..._cancel and ..._close_wait. Their functions may be called on any thread; one
 * that has to wait for the loop, off its thread, waits for the next dispatch. */
#ifndef PINNATE_LOOP_H
#define PINNATE_LOOP_H

#include <pinnate/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to the thread that makes it, which is the one that dispatches. PINNATE_IO when the system
 * has no descriptor to give. */
PINNATE_API pinnate_status pinnate_loop_new(pinnate_loop **loop);

/* Readable when there is something to dispatch. The same for as long as the loop lives, and its
 * own: only poll it. -1 for NULL. Any thread. */
PINNATE_API int pinnate_loop_fd(const pinnate_loop *loop);

/* How long to wait for that descriptor at most, from now: 0 not at all, -1 without limit. On the
 * loop's thread, after all that was done with its handles there. */
PINNATE_API int pinnate_loop_timeout_ms(const pinnate_loop *loop);

/* Does what is due, and returns without waiting. PINNATE_WRONG_THREAD on another thread than the
 * loop's, and inside a callback. */
PINNATE_API pinnate_status pinnate_loop_dispatch(pinnate_loop *loop);

/* Frees the loop. PINNATE_IN_USE, and nothing happens, while a handle on it is not closed. On the
 * loop's thread. NULL is fine. */
PINNATE_API pinnate_status pinnate_loop_free(pinnate_loop *loop);

#ifdef __cplusplus
}
#endif
#endif
