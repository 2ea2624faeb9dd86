/* pinnate/controller.h: the root of a fleet. See common.h for the conventions, fleet.h for the
 * requests. */
#ifndef PINNATE_CONTROLLER_H
#define PINNATE_CONTROLLER_H

#include <pinnate/common.h>
#include <pinnate/fleet.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pinnate_controller pinnate_controller;

typedef struct pinnate_controller_options {
  size_t size;
  pinnate_tier_options tier;
  const char *state_dir;          /* desired state, releases and artifacts; made if missing; one controller at a
                                     time. Required */
  uint64_t artifact_limit_bytes;  /* largest artifact accepted. Default 256 MiB */
  uint32_t forget_after_ms;       /* how long an offline tier is remembered. Default 86400000 (one day) */
} pinnate_controller_options;

#define PINNATE_CONTROLLER_OPTIONS_INIT { sizeof(pinnate_controller_options), PINNATE_TIER_OPTIONS_INIT, NULL, 0, 0 }

/* Opens the state folder and takes up where it left off. Fails with PINNATE_IN_USE when another
 * controller has the folder, PINNATE_INCOMPATIBLE when it is of another version, PINNATE_CORRUPT,
 * PINNATE_IO, PINNATE_INVALID. */
PINNATE_API pinnate_status pinnate_controller_open(const pinnate_controller_options *options,
                                                   pinnate_controller **controller);

/* Accepts gateways, engines and clients at "tcp://HOST:PORT" (port 0: any free one) or
 * "unix:/PATH". Addresses beyond loopback need the word: "insecure+tcp://0.0.0.0:7070". On success
 * `bound`, unless NULL, gets the address with the real port, cut to bound_size bytes with its NUL.
 * A HOST that is a name is resolved before this returns, which may block the loop's thread, and
 * with it every handle there, for many seconds: give an address where that matters. Dialling blocks
 * nobody. */
PINNATE_API pinnate_status pinnate_controller_listen(pinnate_controller *controller, const char *address, char *bound,
                                                     size_t bound_size);

/* Keeps a link to a gateway or engine that listens at `address`; dials again whenever it is
 * lost. */
PINNATE_API pinnate_status pinnate_controller_dial(pinnate_controller *controller, const char *address);

/* Publishes a module; on_published runs after all of it is on disk, synced. on_progress may be
 * NULL. */
PINNATE_API pinnate_status pinnate_controller_publish(pinnate_controller *controller, const pinnate_publish *publish,
                                                      pinnate_progress_fn on_progress,
                                                      pinnate_published_fn on_published, void *arg);
/* The same, blocking. `published` may be NULL. */
PINNATE_API pinnate_status pinnate_controller_publish_wait(pinnate_controller *controller,
                                                           const pinnate_publish *publish,
                                                           pinnate_published *published);

/* Withdraws one release, or with release 0 all current ones of `name`. PINNATE_NOT_FOUND when none
 * is current. */
PINNATE_API pinnate_status pinnate_controller_unpublish(pinnate_controller *controller, const char *name,
                                                        uint64_t release, pinnate_done_fn on_done, void *arg);

/* Lists releases, of one name or (NULL) of all, newest first; at most 1000. */
PINNATE_API pinnate_status pinnate_controller_releases(pinnate_controller *controller, const char *name,
                                                       pinnate_releases_fn on_releases, void *arg);

/* Reports how the fleet stands, for one name or (NULL) for all. */
PINNATE_API pinnate_status pinnate_controller_status(pinnate_controller *controller, const char *name,
                                                     pinnate_rollup_fn on_rollup, void *arg);

/* Calls on_rollup now and, at most ten times a second, whenever the roll-up changed. A status other
 * than PINNATE_OK is the last it gets; with PINNATE_CLOSED the controller closes. A second call
 * replaces the first; NULL ends it, silently. */
PINNATE_API pinnate_status pinnate_controller_watch(pinnate_controller *controller, pinnate_rollup_fn on_rollup,
                                                    void *arg);

/* Lists tiers by page. */
PINNATE_API pinnate_status pinnate_controller_lookup(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                     pinnate_rows_fn on_rows, void *arg);

/* Calls a function somewhere in the fleet. */
PINNATE_API pinnate_status pinnate_controller_call(pinnate_controller *controller, const pinnate_call *call,
                                                   pinnate_result_fn on_result, void *arg);

/* Ends all links and closes. Requests under way end with PINNATE_CLOSED. on_closed may be NULL. */
PINNATE_API pinnate_status pinnate_controller_close(pinnate_controller *controller, pinnate_closed_fn on_closed,
                                                    void *arg);
PINNATE_API pinnate_status pinnate_controller_close_wait(pinnate_controller *controller);
PINNATE_API void pinnate_controller_free(pinnate_controller *controller);

#ifdef __cplusplus
}
#endif
#endif
