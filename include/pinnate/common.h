/* pinnate/common.h: what every other header of Pinnate uses: status codes, byte ranges, log hook.
 *
 * Conventions of the whole C ABI
 *
 *  1. Every function that can fail returns a pinnate_status. PINNATE_OK is 0. The reason in words
 *     is pinnate_last_error() on the thread that made the call.
 *  2. Every struct begins with `size` and only ever grows at its end, so that a host and a library
 *     of different versions understand each other. pinnate_bytes alone never changes and has none.
 *     - What you pass in: set `size` to sizeof the struct and zero the rest (the PINNATE_..._INIT
 *       macros do, and for languages without macros ..._init, which is given the sizes: those that
 *       the host was built with). Fields that your `size` does not cover get their defaults; a
 *       larger `size` than the library knows is accepted when what the library does not know is
 *       zero.
 *     - What the library hands out: `size` says which fields are there.
 *     - What the library fills for you: set `size` as above. The library fills at most that many
 *       bytes, and sets `size` to how many it filled.
 *     - Several structs are an array of pointers to them, with a count beside it.
 *  3. A zero or NULL field means "the default", which the field's comment states.
 *  4. Handles are opaque. Closing ends all that a handle does: ..._close begins it and tells
 *     on_closed of its end, ..._close_wait waits for it. The handle stays until ..._free, and
 *     answers everything with PINNATE_CLOSED meanwhile. ..._free may be called on any thread, in a
 *     callback too, for NULL, and for a handle that is not closed yet: ..._free returns at once
 *     then, and the handle closes by itself, so callbacks still come and its folder is in use for a
 *     while. Of a handle that was given to ..._free nothing may be used, nor may a call of it be
 *     under way. A second ..._close returns PINNATE_CLOSED, and its on_closed is not told.
 *  5. Strings are UTF-8 and NUL-terminated. What you pass in is copied before the function returns,
 *     unless its comment says otherwise. What a callback receives belongs to the library and is
 *     valid until the callback returns.
 *  6. Callbacks run on the loop's thread, and not inside the call that registered them; cancelling
 *     and closing may tell a callback its last before they return. With a libuv loop of your own
 *     (`uv_loop`), call every function on that loop's thread, but for ..._free and calls in
 *     process. With a pinnate_loop (`loop`) or none, every function may be called from any thread;
 *     callbacks run where the loop is dispatched, or on a thread of the library's own.
 *  7. A function whose name ends in _wait blocks, as do calls in process (..._call_into,
 *     pinnate_function_call) and, off the loop's thread, ..._cancel. On the loop's thread it
 *     returns PINNATE_WRONG_THREAD. Its namesake without _wait answers to a callback; where the
 *     _wait form takes that callback too, it runs before the function returns, while the caller
 *     waits, and may write to the caller's stack. `error`, unless NULL, gets the words of a
 *     failure, cut to error_bytes with their NUL, "" when there is none: for callers that change
 *     threads before they ask pinnate_last_error.
 *  8. A handle stays with the process that opened it: in a child of fork() its functions return
 *     PINNATE_FORKED, freeing it does nothing, and its sockets, locks and files are closed there,
 *     but for what libuv's loop itself has open, so that none outlives the parent. Handles that the
 *     child opens are its own. Fork in no callback unless the child does nothing but exec or _exit.
 *  9. No C++ exception, signal handler, or output on stdout or stderr ever comes from the library.
 * 10. If descriptor 0, 1 or 2 is closed when a handle opens, it is pointed at /dev/null so that no
 *     file or socket takes its number. I/O on it still fails; children that exec see it closed.
 */
#ifndef PINNATE_COMMON_H
#define PINNATE_COMMON_H

#include <stddef.h>
#include <stdint.h>

#if defined(PINNATE_BUILDING) || defined(__GNUC__)
#define PINNATE_API __attribute__((visibility("default")))
#else
#define PINNATE_API
#endif

#define PINNATE_VERSION_MAJOR 0
#define PINNATE_VERSION_MINOR 1
#define PINNATE_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s; /* libuv's uv_loop_t; this header does not need uv.h */
typedef struct pinnate_loop pinnate_loop; /* see loop.h */

typedef enum pinnate_status {
  PINNATE_OK = 0,
  PINNATE_INVALID = 1,        /* an argument, an option, a name or a file is malformed */
  PINNATE_NOT_FOUND = 2,      /* no such function, release, engine or file */
  PINNATE_CONFLICT = 3,       /* this version was published with other bytes; this id is already linked */
  PINNATE_REFUSED = 4,        /* the peer, or a rule, does not allow it; the words say which */
  PINNATE_UNREACHABLE = 5,    /* no link to the tier, or to any engine that could answer */
  PINNATE_TIMEOUT = 6,        /* the stated limit passed; a call may still be running */
  PINNATE_CLOSED = 7,         /* the handle is closing or closed */
  PINNATE_BUSY = 8,           /* a bounded queue is full; try again later */
  PINNATE_TOO_LARGE = 9,      /* over a stated limit */
  PINNATE_NO_SPACE = 10,      /* the disk, or a cache's limit, is full */
  PINNATE_IO = 11,            /* the operating system reported an error */
  PINNATE_CORRUPT = 12,       /* bytes do not match their digest, or a file is not what it claims */
  PINNATE_INCOMPATIBLE = 13,  /* wrong platform, ABI version, protocol version or folder version */
  PINNATE_FAILED = 14,        /* the module itself reported failure */
  PINNATE_NO_MEMORY = 15,     /* allocation failed */
  PINNATE_WRONG_THREAD = 16,  /* would block the loop's thread, or is not on the loop's thread */
  PINNATE_FORKED = 17,        /* called in a child of fork() on what its parent had opened */
  PINNATE_IN_USE = 18,        /* address or folder is in use by another process or handle */
  PINNATE_CANCELLED = 19,     /* given up because the caller asked for it */
  PINNATE_INTERRUPTED = 20,   /* the link was lost after the call was sent: it may or may not have run */
  PINNATE_UNSUPPORTED = 21,   /* not in this build, or not known to the peer */
  PINNATE_OVERLOADED = 22,    /* not taken: too much waits already. For later versions: none gives it yet */
  PINNATE_INTERNAL = 23       /* a defect of Pinnate; please report the words */
} pinnate_status;

/* "invalid", "not found", ...; never NULL, also for numbers that are no status. Any thread. */
PINNATE_API const char *pinnate_status_name(pinnate_status status);

/* The reason in words of the last call on this thread that failed; "" when there was none.
 * Valid until the next call of this library on this thread. */
PINNATE_API const char *pinnate_last_error(void);

/* "0.1.0". Any thread. */
PINNATE_API const char *pinnate_version(void);

/* The platform this library runs on, as modules name it: "linux-x86_64", "linux-aarch64", ... */
PINNATE_API const char *pinnate_platform(void);

/* What is under way on a handle: a request, a watch, a listener, a dial. Where a function or struct
 * takes a `ticket`, it gets the number, before any callback runs, or 0 where nothing is under way
 * that could be cancelled (calls in process); NULL: it is not wanted. Numbers are not used twice by
 * a handle, and 0 is none. ..._cancel ends what a ticket stands for: a request ends as
 * PINNATE_CANCELLED, a watch is told its last, a listener closes, a dial ends its link and dials no
 * more. When it returns, the last callback has returned too, unless it is the one that cancels.
 * PINNATE_NOT_FOUND: it has ended already. */
typedef uint64_t pinnate_ticket;

/* A range of bytes. Who owns it is said where it is used. `data` may be NULL when `size` is 0. It
 * never grows, and so may stand inside other structs. */
typedef struct pinnate_bytes {
  const void *data;
  size_t size;
} pinnate_bytes;

/* A label of a tier. Key: 1 to 63 of [a-zA-Z0-9._/-]. Value: 0 to 63 of the same. */
typedef struct pinnate_label {
  size_t size;
  const char *key;
  const char *value;
} pinnate_label;

#define PINNATE_LABEL_INIT { sizeof(pinnate_label), NULL, NULL }
PINNATE_API void pinnate_label_init(pinnate_label *label, size_t size);

typedef enum pinnate_log_level {
  PINNATE_LOG_DEBUG = 0,
  PINNATE_LOG_INFO = 1,
  PINNATE_LOG_WARNING = 2,
  PINNATE_LOG_ERROR = 3
} pinnate_log_level;

/* Receives one line without a newline. May be called on any thread of the library, also at the same
 * time on two; must not call back into the library. `message` is valid until it returns. */
typedef void (*pinnate_log_fn)(void *arg, pinnate_log_level level, const char *message);

/* What every tier's options begin with, after `size`. It may grow, too: what follows it in the
 * options begins where its own `size` ends. */
typedef struct pinnate_tier_options {
  size_t size;
  struct uv_loop_s *uv_loop;    /* the host's libuv loop; NULL: `loop`, or the library's own thread */
  const char *fleet;            /* who belongs together; links to another fleet are refused. Default "default" */
  const char *id;               /* unique in the fleet; 1 to 127 of [a-zA-Z0-9._-]. Default: kept in the state
                                   folder, or made at random for tiers without one */
  const pinnate_label *const *labels; /* own labels; gateways' labels are inherited by all below them */
  size_t label_count;           /* at most 64 */
  pinnate_log_fn log;           /* default: no logs */
  void *log_arg;
  pinnate_log_level log_level;  /* lowest level to report; default PINNATE_LOG_DEBUG (all) */
  uint32_t heartbeat_ms;        /* silence after which a link is probed; a peer silent for three of them is dead.
                                   Default 5000; 50 to 600000 */
  uint32_t backoff_min_ms;      /* first delay before dialling again; doubles, with jitter. A gateway that loses a link
                                   dials first after any part of five times as long, so that those of a thousand
                                   sites do not come back at once. Default 200 */
  uint32_t backoff_max_ms;      /* longest such delay. Default 30000 */
  size_t link_limit_bytes;      /* memory that one link may hold in each direction. Default 8 MiB, at least 4 MiB */
  pinnate_loop *loop;           /* a loop that the host drives in its own way; not together with uv_loop */
  uint32_t folder_wait_ms;      /* how long opening waits, on the calling thread, for a folder that another process or
                                   handle still has; then PINNATE_IN_USE. Default 0; at most 600000 */
} pinnate_tier_options;

#define PINNATE_TIER_OPTIONS_INIT \
  { sizeof(pinnate_tier_options), NULL, NULL, NULL, NULL, 0, NULL, NULL, PINNATE_LOG_DEBUG, 0, 0, 0, 0, NULL, 0 }
PINNATE_API void pinnate_tier_options_init(pinnate_tier_options *options, size_t size);

/* Called once, when a handle is wholly closed: its sockets and files are closed, and threads that
 * worked for it alone are gone, but for those that a module holds and for a thread that waits for a
 * name server. It runs where callbacks do. The library's own thread ends after the last handle that
 * uses it.
 *
 * ..._close_wait closes the handle, unless that has begun, and returns when no thread of the
 * library is in the host's code for it any more (callbacks, log hook, loaders), and none will be:
 * what holds that code may be unloaded. PINNATE_TIMEOUT: it is closed, and services that did not
 * end in time were left behind with their threads, which may still be in a module or in the host's
 * loader. PINNATE_WRONG_THREAD on the loop's thread, and for handles on a libuv loop of the host's
 * that are not closed yet; on the thread of a pinnate_loop it dispatches that meanwhile. */
typedef void (*pinnate_closed_fn)(void *arg);

#ifdef __cplusplus
}
#endif
#endif
