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
PINNATE_API void pinnate_controller_options_init(pinnate_controller_options *options, size_t size, size_t tier_size);

/* Opens the state folder and takes up where it left off. Fails with PINNATE_IN_USE when another
 * controller has the folder, PINNATE_INCOMPATIBLE when it is of another version, PINNATE_CORRUPT,
 * PINNATE_IO, PINNATE_INVALID. */
PINNATE_API pinnate_status pinnate_controller_open(const pinnate_controller_options *options,
                                                   pinnate_controller **controller);

/* Accepts gateways, engines and clients at "tcp://HOST:PORT" (port 0: any free one) or
 * "unix:/PATH". Addresses beyond loopback need the word: "insecure+tcp://0.0.0.0:7070". On success
 * `bound`, unless NULL, gets the address with the real port, cut to bound_size bytes with its NUL.
 * "fd:N" takes descriptor N, a socket that listens already, as systemd hands it over
 * ("insecure+fd:N" where it is bound beyond loopback); it is duplicated, and stays the host's. A
 * HOST that is a name is resolved before this returns, which may block the loop's thread, and with
 * it every handle there, for many seconds: give an address where that matters. Dialling blocks
 * nobody. */
PINNATE_API pinnate_status pinnate_controller_listen(pinnate_controller *controller, const char *address, char *bound,
                                                     size_t bound_size, pinnate_ticket *ticket);

/* Keeps a link to a gateway or engine that listens at `address`; dials again whenever it is
 * lost. */
PINNATE_API pinnate_status pinnate_controller_dial(pinnate_controller *controller, const char *address,
                                                   pinnate_ticket *ticket);

/* Publishes a module; on_published runs after all of it is on disk, synced. on_progress may be
 * NULL. */
PINNATE_API pinnate_status pinnate_controller_publish(pinnate_controller *controller, const pinnate_publish *publish,
                                                      pinnate_progress_fn on_progress,
                                                      pinnate_published_fn on_published, void *arg);
/* The same, blocking. `published` may be NULL. */
PINNATE_API pinnate_status pinnate_controller_publish_wait(pinnate_controller *controller,
                                                           const pinnate_publish *publish,
                                                           pinnate_published *published, char *error,
                                                           size_t error_bytes);

/* Withdraws one release, or with release 0 all current ones of `name`. PINNATE_NOT_FOUND when none
 * is current. */
PINNATE_API pinnate_status pinnate_controller_unpublish(pinnate_controller *controller, const char *name,
                                                        uint64_t release, pinnate_done_fn on_done, void *arg);
PINNATE_API pinnate_status pinnate_controller_unpublish_wait(pinnate_controller *controller, const char *name,
                                                             uint64_t release, char *error, size_t error_bytes);

/* Lists releases, of one name or (NULL) of all, newest first; at most 1000. */
PINNATE_API pinnate_status pinnate_controller_releases(pinnate_controller *controller, const char *name,
                                                       pinnate_releases_fn on_releases, void *arg);
PINNATE_API pinnate_status pinnate_controller_releases_wait(pinnate_controller *controller, const char *name,
                                                            pinnate_releases_fn on_releases, void *arg, char *error,
                                                            size_t error_bytes);

/* Reports how the fleet stands, for one name or (NULL) for all. */
PINNATE_API pinnate_status pinnate_controller_status(pinnate_controller *controller, const char *name,
                                                     pinnate_rollup_fn on_rollup, void *arg);
PINNATE_API pinnate_status pinnate_controller_status_wait(pinnate_controller *controller, const char *name,
                                                          pinnate_rollup_fn on_rollup, void *arg, char *error,
                                                          size_t error_bytes);

/* Calls on_rollup now and, at most ten times a second, whenever the roll-up changed. A status other
 * than PINNATE_OK is the last that it gets: PINNATE_CANCELLED, PINNATE_CLOSED when the controller
 * closes, or why the tier gives it up. */
PINNATE_API pinnate_status pinnate_controller_watch(pinnate_controller *controller, pinnate_rollup_fn on_rollup,
                                                    void *arg, pinnate_ticket *ticket);

/* Tells on_done when the release, which must be current, is live on so many engines; with 0, on all
 * that are online and that it selects, and at least one. PINNATE_NOT_FOUND: it is not current, or
 * is no more. PINNATE_TIMEOUT, with how it stands in words, after timeout_ms (default 60000). */
PINNATE_API pinnate_status pinnate_controller_when_live(pinnate_controller *controller, uint64_t release, uint64_t engines,
                                                        uint32_t timeout_ms, pinnate_done_fn on_done, void *arg,
                                                        pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_controller_when_live_wait(pinnate_controller *controller, uint64_t release, uint64_t engines,
                                                             uint32_t timeout_ms, char *error, size_t error_bytes);

/* Lists tiers by page. */
PINNATE_API pinnate_status pinnate_controller_lookup(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                     pinnate_rows_fn on_rows, void *arg);
PINNATE_API pinnate_status pinnate_controller_lookup_wait(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                          pinnate_rows_fn on_rows, void *arg, char *error,
                                                          size_t error_bytes);

/* See pinnate_gateway_members. A controller itself has neither sources nor members. */
PINNATE_API pinnate_status pinnate_controller_members(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                      pinnate_members_fn on_members, void *arg);
PINNATE_API pinnate_status pinnate_controller_members_wait(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                           pinnate_members_fn on_members, void *arg, char *error,
                                                           size_t error_bytes);

/* Calls a function somewhere in the fleet. */
PINNATE_API pinnate_status pinnate_controller_call(pinnate_controller *controller, const pinnate_call *call,
                                                   pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_controller_call_wait(pinnate_controller *controller, const pinnate_call *call,
                                                        void **result, size_t *result_size, char *error,
                                                        size_t error_bytes);

/* The id in the fleet, as given or made. Valid until the handle is freed; NULL for NULL. */
PINNATE_API const char *pinnate_controller_id(const pinnate_controller *controller);

/* Tells on_link soon how each dial fares, and then of every link that comes and goes. */
PINNATE_API pinnate_status pinnate_controller_watch_links(pinnate_controller *controller, pinnate_link_fn on_link,
                                                          void *arg,
                                                          pinnate_ticket *ticket);

/* Takes over labels, log level, heartbeat and backoff of an open tier, as a host does that reads
 * its configuration again: pass the same options as to ..._open, with what has changed. The log
 * hook, the loop and folder_wait_ms are not looked at. PINNATE_INVALID names what cannot change,
 * and nothing has changed then. Other labels are told above over a new link, so calls under way
 * over the old one end as interrupted. */
PINNATE_API pinnate_status pinnate_controller_reload(pinnate_controller *controller, const pinnate_tier_options *tier);

/* Ends what a ticket stands for; see pinnate_ticket. Off the loop's thread it waits for that. */
PINNATE_API pinnate_status pinnate_controller_cancel(pinnate_controller *controller, pinnate_ticket ticket);

/* Ends all links and closes. Requests under way end with PINNATE_CLOSED. on_closed may be NULL. */
PINNATE_API pinnate_status pinnate_controller_close(pinnate_controller *controller, pinnate_closed_fn on_closed,
                                                    void *arg);
PINNATE_API pinnate_status pinnate_controller_close_wait(pinnate_controller *controller);
PINNATE_API void pinnate_controller_free(pinnate_controller *controller);

#ifdef __cplusplus
}
#endif
#endif
