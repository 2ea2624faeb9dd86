/* pinnate/client.h: asks and orders over a link, without being a tier. See common.h and fleet.h. */
#ifndef PINNATE_CLIENT_H
#define PINNATE_CLIENT_H

#include <pinnate/common.h>
#include <pinnate/fleet.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pinnate_client pinnate_client;

typedef struct pinnate_client_options {
  size_t size;
  pinnate_tier_options tier;
  const char *to;               /* the tier to reach: "tcp://HOST:PORT" or "unix:/PATH". Required */
  uint32_t connect_timeout_ms;  /* requests made while there is no link wait this long for one, and calls and lookups
                                   no longer than their own timeout_ms, then end with PINNATE_UNREACHABLE. What was
                                   waited for a link does not count as the request's own time. Default 5000 */
} pinnate_client_options;

#define PINNATE_CLIENT_OPTIONS_INIT { sizeof(pinnate_client_options), PINNATE_TIER_OPTIONS_INIT, NULL, 0 }
PINNATE_API void pinnate_client_options_init(pinnate_client_options *options, size_t size, size_t tier_size);

/* Begins to dial; does not wait for the link. A peer that refuses the handshake (another fleet, an
 * incompatible protocol) ends every request with PINNATE_REFUSED and the peer's words. */
PINNATE_API pinnate_status pinnate_client_open(const pinnate_client_options *options, pinnate_client **client);

/* The peer must be a controller for publish, unpublish and releases (else PINNATE_REFUSED); any
 * tier answers the others. Each is as its namesake in controller.h. */
PINNATE_API pinnate_status pinnate_client_publish(pinnate_client *client, const pinnate_publish *publish,
                                                  pinnate_progress_fn on_progress, pinnate_published_fn on_published,
                                                  void *arg);
PINNATE_API pinnate_status pinnate_client_publish_wait(pinnate_client *client, const pinnate_publish *publish,
                                                       pinnate_published *published, char *error,
                                                       size_t error_bytes);
PINNATE_API pinnate_status pinnate_client_unpublish(pinnate_client *client, const char *name, uint64_t release,
                                                    pinnate_done_fn on_done, void *arg);
PINNATE_API pinnate_status pinnate_client_unpublish_wait(pinnate_client *client, const char *name, uint64_t release,
                                                         char *error, size_t error_bytes);
PINNATE_API pinnate_status pinnate_client_releases(pinnate_client *client, const char *name,
                                                   pinnate_releases_fn on_releases, void *arg);
PINNATE_API pinnate_status pinnate_client_releases_wait(pinnate_client *client, const char *name,
                                                        pinnate_releases_fn on_releases, void *arg, char *error,
                                                        size_t error_bytes);
PINNATE_API pinnate_status pinnate_client_status(pinnate_client *client, const char *name, pinnate_rollup_fn on_rollup,
                                                 void *arg);
PINNATE_API pinnate_status pinnate_client_status_wait(pinnate_client *client, const char *name,
                                                      pinnate_rollup_fn on_rollup, void *arg, char *error,
                                                      size_t error_bytes);
PINNATE_API pinnate_status pinnate_client_watch(pinnate_client *client, pinnate_rollup_fn on_rollup, void *arg,
                                                pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_client_when_live(pinnate_client *client, uint64_t release, uint64_t engines,
                                                    uint32_t timeout_ms, pinnate_done_fn on_done, void *arg,
                                                    pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_client_when_live_wait(pinnate_client *client, uint64_t release, uint64_t engines,
                                                         uint32_t timeout_ms, char *error, size_t error_bytes);
PINNATE_API pinnate_status pinnate_client_lookup(pinnate_client *client, const pinnate_lookup *lookup,
                                                 pinnate_rows_fn on_rows, void *arg);
PINNATE_API pinnate_status pinnate_client_lookup_wait(pinnate_client *client, const pinnate_lookup *lookup,
                                                      pinnate_rows_fn on_rows, void *arg, char *error,
                                                      size_t error_bytes);
/* See pinnate_gateway_members: asks the tier that the client is linked to. */
PINNATE_API pinnate_status pinnate_client_members(pinnate_client *client, const pinnate_lookup *lookup,
                                                  pinnate_members_fn on_members, void *arg);
PINNATE_API pinnate_status pinnate_client_members_wait(pinnate_client *client, const pinnate_lookup *lookup,
                                                       pinnate_members_fn on_members, void *arg, char *error,
                                                       size_t error_bytes);
PINNATE_API pinnate_status pinnate_client_call(pinnate_client *client, const pinnate_call *call,
                                               pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_client_call_wait(pinnate_client *client, const pinnate_call *call, void **result,
                                                    size_t *result_size, char *error, size_t error_bytes);

/* The id in the fleet, as given or made. Valid until the handle is freed; NULL for NULL. */
PINNATE_API const char *pinnate_client_id(const pinnate_client *client);

/* Tells on_link soon how each dial fares, and then of every link that comes and goes. */
PINNATE_API pinnate_status pinnate_client_watch_links(pinnate_client *client, pinnate_link_fn on_link, void *arg,
                                                      pinnate_ticket *ticket);

/* Takes over labels, log level, heartbeat and backoff of an open tier, as a host does that reads
 * its configuration again: pass the same options as to ..._open, with what has changed. The log
 * hook, the loop and folder_wait_ms are not looked at. PINNATE_INVALID names what cannot change,
 * and nothing has changed then. Other labels are told above over a new link, so calls under way
 * over the old one end as interrupted. */
PINNATE_API pinnate_status pinnate_client_reload(pinnate_client *client, const pinnate_tier_options *tier);

/* Ends what a ticket stands for; see pinnate_ticket. Off the loop's thread it waits for that. */
PINNATE_API pinnate_status pinnate_client_cancel(pinnate_client *client, pinnate_ticket ticket);

PINNATE_API pinnate_status pinnate_client_close(pinnate_client *client, pinnate_closed_fn on_closed, void *arg);
PINNATE_API pinnate_status pinnate_client_close_wait(pinnate_client *client);
PINNATE_API void pinnate_client_free(pinnate_client *client);

#ifdef __cplusplus
}
#endif
#endif
