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
} pinnate_engine_options;

#define PINNATE_ENGINE_OPTIONS_INIT \
  { sizeof(pinnate_engine_options), PINNATE_TIER_OPTIONS_INIT, NULL, NULL, 0, 0, 0, NULL, 0 }

PINNATE_API pinnate_status pinnate_engine_open(const pinnate_engine_options *options, pinnate_engine **engine);

/* Makes a kind of artifact loadable; before any dial or listen. "native" is there from the start
 * and may be replaced. `loader` is copied; what its `self` points to must live until on_closed. An
 * engine with a state folder is to have its loaders in the options: it has begun to load by the
 * time it is open. */
PINNATE_API pinnate_status pinnate_engine_add_loader(pinnate_engine *engine, const pinnate_loader *loader);

/* Dials the gateway or controller above, or accepts its dialling. One upstream link at a time.
 * Listening is as pinnate_controller_listen: a host name is resolved before it returns, which may
 * block; an address needs none of that. */
PINNATE_API pinnate_status pinnate_engine_dial_upstream(pinnate_engine *engine, const char *address);
PINNATE_API pinnate_status pinnate_engine_listen(pinnate_engine *engine, const char *address, char *bound,
                                                 size_t bound_size);

/* Calls a function of this engine in process. Runs on the calling thread where the module allows;
 * may be called from any thread but the loop's, whether or not the loop is the host's. *result is
 * allocated by the library and freed by pinnate_result_free; it is set (possibly NULL, of size 0)
 * whenever the status is PINNATE_OK or PINNATE_FAILED. timeout_ms bounds the wait for a turn and
 * for an answer that comes later; it cannot interrupt the module's own `call`, which runs on the
 * calling thread: while that blocks, so does this. pinnate_engine_call does not wait for it. */
PINNATE_API pinnate_status pinnate_engine_call_wait(pinnate_engine *engine, const pinnate_call *call, void **result,
                                                    size_t *result_size);
PINNATE_API void pinnate_result_free(void *result);

/* Calls a function anywhere: on this engine if it serves it, else through the tree. `engine` in the
 * call names another. */
PINNATE_API pinnate_status pinnate_engine_call(pinnate_engine *engine, const pinnate_call *call,
                                               pinnate_result_fn on_result, void *arg);

/* What this engine has: one row per release that selects it, in one pinnate_row. */
PINNATE_API pinnate_status pinnate_engine_services(pinnate_engine *engine, pinnate_rows_fn on_rows, void *arg);

/* Calls on_service soon for each release and then on every change, until the engine closes. A
 * service that is gone is told as PINNATE_PHASE_NOT_SELECTED. Changes that follow each other
 * closely may be told as one. A second call replaces the first; NULL ends it. */
typedef void (*pinnate_service_fn)(void *arg, const pinnate_service *service);
PINNATE_API pinnate_status pinnate_engine_watch(pinnate_engine *engine, pinnate_service_fn on_service, void *arg);

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
