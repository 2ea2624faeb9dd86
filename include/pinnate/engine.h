/* pinnate/engine.h: a leaf of the fleet: loads modules, makes services, takes calls. See common.h,
 * fleet.h. */
#ifndef PINNATE_ENGINE_H
#define PINNATE_ENGINE_H

#include <pinnate/common.h>
#include <pinnate/fleet.h>
#include <pinnate/loader.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pinnate_engine pinnate_engine;

typedef struct pinnate_engine_options {
  size_t size;
  pinnate_tier_options tier;
  const char *state_dir;     /* artifacts, desired state and notes of what was running survive here; made if missing;
                                one engine at a time. Default: memory only */
  const char *platform;      /* default pinnate_platform() */
  uint32_t worker_threads;   /* threads that run calls which come over links. Default 2; 1 to 64 */
  uint32_t queued_calls;     /* calls waiting for a worker; more are refused as PINNATE_BUSY. Default 1024 */
  uint32_t close_limit_ms;   /* upper bound of closing, whatever a module does: what does not end by then is
                                left behind. Default 5000 */
  const pinnate_loader *const *loaders; /* as by pinnate_engine_add_loader, there before the engine loads what its state
                                folder holds, which it does as it opens. At most 64 */
  size_t loader_count;
  const char *instance;      /* names this life where tier.id names a slot, such as a worker's of a pool: the id in the
                                fleet is "ID.INSTANCE", so that a new worker may come before the old one is gone.
                                Default: none; for ephemeral engines with a given or kept id, made at random */
  int ephemeral;             /* not 0: forgotten by those above when its link ends, however it ends, where others
                                would be offline rows for forget_after_ms */
  uint64_t kept_bytes_limit; /* modules that cannot be unmapped and stay in memory (pinnate_kept_image): of how many
                                bytes together, and how many. Default 256 MiB and 16 */
  uint32_t kept_images_limit;
} pinnate_engine_options;

#define PINNATE_ENGINE_OPTIONS_INIT \
  { sizeof(pinnate_engine_options), PINNATE_TIER_OPTIONS_INIT, NULL, NULL, 0, 0, 0, NULL, 0, NULL, 0, 0, 0 }
PINNATE_API void pinnate_engine_options_init(pinnate_engine_options *options, size_t size, size_t tier_size);

PINNATE_API pinnate_status pinnate_engine_open(const pinnate_engine_options *options, pinnate_engine **engine);

/* Makes a kind of artifact loadable; before any dial or listen. "native" is there from the start
 * and may be replaced. `loader` is copied; what its `self` points to must live until on_closed. An
 * engine with a state folder is to have its loaders in the options: it has begun to load by the
 * time it is open. What waits for this loader is loaded then. */
PINNATE_API pinnate_status pinnate_engine_add_loader(pinnate_engine *engine, const pinnate_loader *loader);

/* Dials the gateway or controller above, or accepts its dialling. One upstream link at a time: of
 * several dials one is up, and the others stand by until its link has ended.
 * Listening is as pinnate_controller_listen: a host name is resolved before it returns, which may
 * block; an address needs none of that. */
PINNATE_API pinnate_status pinnate_engine_dial_upstream(pinnate_engine *engine, const char *address,
                                                        pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_engine_listen(pinnate_engine *engine, const char *address, char *bound,
                                                 size_t bound_size, pinnate_ticket *ticket);

/* Calls a function of this engine in process. Runs on the calling thread where the module allows;
 * may be called from any thread but the loop's, whether or not the loop is the host's. *result is
 * allocated by the library and freed by pinnate_result_free; it is set (possibly NULL, of size 0)
 * whenever the status is PINNATE_OK or PINNATE_FAILED. timeout_ms bounds the wait for a turn and
 * for an answer that comes later; it cannot interrupt the module's own `call`, which runs on the
 * calling thread: while that blocks, so does this. pinnate_engine_call does not wait for it. */
PINNATE_API pinnate_status pinnate_engine_call_wait(pinnate_engine *engine, const pinnate_call *call, void **result,
                                                    size_t *result_size, char *error, size_t error_bytes);
/* The same, with the result in the caller's memory. *result_bytes is the whole result's size, also
 * where that is more than room_bytes: then the status is PINNATE_TOO_LARGE, and the call has run.
 * `result` may be NULL when room_bytes is 0. */
PINNATE_API pinnate_status pinnate_engine_call_into(pinnate_engine *engine, const pinnate_call *call, void *result,
                                                    size_t room_bytes, size_t *result_bytes, char *error,
                                                    size_t error_bytes);
/* The same without ever waiting, so that any thread may call it, the loop's too: PINNATE_BUSY, and
 * not run, where it would wait for a turn; PINNATE_TIMEOUT, and run, where the module answers later
 * than its `call` returns. How long the module's `call` takes is the module's. */
PINNATE_API pinnate_status pinnate_engine_try_call(pinnate_engine *engine, const pinnate_call *call, void *result,
                                                   size_t room_bytes, size_t *result_bytes, char *error,
                                                   size_t error_bytes);

/* A function of an engine, looked up once, for hosts that call it often. It follows the function
 * from version to version; the engine may be closed and freed before it, and is CLOSED then. */
typedef struct pinnate_function pinnate_function;

/* The function need not be served yet. */
PINNATE_API pinnate_status pinnate_engine_function(pinnate_engine *engine, const char *name,
                                                   pinnate_function **function);
/* As pinnate_engine_call_into. timeout_ms 0: 10000. */
PINNATE_API pinnate_status pinnate_function_call(pinnate_function *function, pinnate_bytes payload,
                                                 uint32_t timeout_ms, void *result, size_t room_bytes,
                                                 size_t *result_bytes, char *error, size_t error_bytes);
PINNATE_API void pinnate_function_free(pinnate_function *function);

/* Calls a function anywhere: on this engine if it serves it, else through the tree. `engine` in the
 * call names another. */
PINNATE_API pinnate_status pinnate_engine_call(pinnate_engine *engine, const pinnate_call *call,
                                               pinnate_result_fn on_result, void *arg);

/* What this engine has: one row per release that selects it, in one pinnate_row. */
PINNATE_API pinnate_status pinnate_engine_services(pinnate_engine *engine, pinnate_rows_fn on_rows, void *arg);
PINNATE_API pinnate_status pinnate_engine_services_wait(pinnate_engine *engine, pinnate_rows_fn on_rows, void *arg,
                                                        char *error, size_t error_bytes);

/* Tells on_done when this engine serves a function, as a new worker waits for it before it takes
 * work. PINNATE_TIMEOUT, with how its release stands in words, after timeout_ms (default 60000). */
PINNATE_API pinnate_status pinnate_engine_when_serving(pinnate_engine *engine, const char *name, uint32_t timeout_ms,
                                                       pinnate_done_fn on_done, void *arg, pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_engine_when_serving_wait(pinnate_engine *engine, const char *name,
                                                            uint32_t timeout_ms, char *error, size_t error_bytes);

/* Calls on_service soon for each release and then on every change, until the engine closes. A
 * service that is gone is told as PINNATE_PHASE_NOT_SELECTED. Changes that follow each other
 * closely may be told as one. `service` NULL: the watch has ended, and this is the last
 * that it is told. */
typedef void (*pinnate_service_fn)(void *arg, const pinnate_service *service);
PINNATE_API pinnate_status pinnate_engine_watch(pinnate_engine *engine, pinnate_service_fn on_service, void *arg,
                                                pinnate_ticket *ticket);

/* The id in the fleet, as given or made. Valid until the handle is freed; NULL for NULL. */
PINNATE_API const char *pinnate_engine_id(const pinnate_engine *engine);

/* Tells on_link soon how each dial fares, and then of every link that comes and goes. */
PINNATE_API pinnate_status pinnate_engine_watch_links(pinnate_engine *engine, pinnate_link_fn on_link, void *arg,
                                                      pinnate_ticket *ticket);

/* Takes over labels, log level, heartbeat and backoff of an open tier, as a host does that reads
 * its configuration again: pass the same options as to ..._open, with what has changed. The log
 * hook, the loop and folder_wait_ms are not looked at. PINNATE_INVALID names what cannot change,
 * and nothing has changed then. Other labels are told above over a new link, so calls under way
 * over the old one end as interrupted. */
PINNATE_API pinnate_status pinnate_engine_reload(pinnate_engine *engine, const pinnate_tier_options *tier);

/* Ends what a ticket stands for; see pinnate_ticket. Off the loop's thread it waits for that. */
PINNATE_API pinnate_status pinnate_engine_cancel(pinnate_engine *engine, pinnate_ticket ticket);

/* Drains and destroys all services, then closes: within close_limit_ms, and at most 1.5 s more in
 * which links take what is left to say and threads end. A module's constructor that hangs holds the
 * C library's own lock even then, which exit() waits for: a process that is wedged so ends by
 * _exit(). */
PINNATE_API pinnate_status pinnate_engine_close(pinnate_engine *engine, pinnate_closed_fn on_closed, void *arg);
PINNATE_API pinnate_status pinnate_engine_close_wait(pinnate_engine *engine);
PINNATE_API void pinnate_engine_free(pinnate_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
