/* pinnate/gateway.h: a relay between a controller (or another gateway) and what is below. See
 * common.h, fleet.h. */
#ifndef PINNATE_GATEWAY_H
#define PINNATE_GATEWAY_H

#include <pinnate/common.h>
#include <pinnate/fleet.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pinnate_gateway pinnate_gateway;

typedef struct pinnate_gateway_options {
  size_t size;
  pinnate_tier_options tier;
  const char *cache_dir;       /* artifacts, desired state and known engines survive a restart here; made if missing;
                                  one gateway at a time. Default: memory only */
  uint64_t cache_limit_bytes;  /* for all artifacts that are held, those of current releases counted too. Over it,
                                  those that no current release needs are given up, the longest unused first; the
                                  others never are, and a limit too small for them is reported. Default 1 GiB */
  uint32_t forget_after_ms;    /* how long an offline tier below is remembered. Default 86400000 (one day) */
} pinnate_gateway_options;

#define PINNATE_GATEWAY_OPTIONS_INIT { sizeof(pinnate_gateway_options), PINNATE_TIER_OPTIONS_INIT, NULL, 0, 0 }
PINNATE_API void pinnate_gateway_options_init(pinnate_gateway_options *options, size_t size, size_t tier_size);

PINNATE_API pinnate_status pinnate_gateway_open(const pinnate_gateway_options *options, pinnate_gateway **gateway);

/* Upstream: dial the controller or gateway above, or accept its dialling. One upstream link at a
 * time. */
PINNATE_API pinnate_status pinnate_gateway_dial_upstream(pinnate_gateway *gateway, const char *address,
                                                         pinnate_ticket *ticket);

/* Accepts whoever comes: engines, gateways and clients below; and the upstream, if it dials. As
 * pinnate_controller_listen: a host name is resolved before this returns, which may block; an
 * address needs none of that. */
PINNATE_API pinnate_status pinnate_gateway_listen(pinnate_gateway *gateway, const char *address, char *bound,
                                                  size_t bound_size, pinnate_ticket *ticket);

/* Keeps a link to an engine or gateway below that listens at `address`; once per address of a
 * static list. */
PINNATE_API pinnate_status pinnate_gateway_dial_downstream(pinnate_gateway *gateway, const char *address,
                                                           pinnate_ticket *ticket);

/* Names the engines and gateways below that `source` knows of now: `count` addresses that they
 * listen at. `source` is a word of the host's for where it has them from ("consul"), with the rules
 * of a function's name. Each call gives the whole set of that source, which replaces the one before;
 * 0 addresses: the source knows of none any more. All that any source names is dialled at once, 256
 * addresses at a time, each for as long as it is named. One that is named no more is dialled for
 * 30 s longer, and a link that is up stays for as long as it lives. PINNATE_INVALID names an address
 * that is none, and nothing has changed then. PINNATE_TOO_LARGE: more than 65536 addresses. */
PINNATE_API pinnate_status pinnate_gateway_set_members(pinnate_gateway *gateway, const char *source,
                                                       const char *const *addresses, size_t count);

/* Looks for members at a source, until the ticket is cancelled. To change one, add it as it is to be
 * and cancel the other.
 *
 *   static:ADDRESS[,ADDRESS...]   these, always
 *   file:PATH                     an address on each line, '#' before a comment; read again when it changes
 *   dns:NAME[:PORT]               every address of NAME, polled by its TTL (RFC 1035); port 7070 by default
 *   srv:NAME                      every address and port of the service NAME (RFC 2782)
 *   kubernetes:NAMESPACE/SERVICE[:PORT]  the EndpointSlices of a Service (discovery.k8s.io/v1), by list and watch
 *   docker:SOCKET?label=KEY=VALUE containers with that label, by the Docker API on a UNIX socket
 *
 * Options stand behind '?', with '&' between them; README lists those of each. A source that fails,
 * is incomplete or suddenly names nobody takes nobody away: its last good set stands, also over a
 * restart with a cache_dir, and status says since when it is stale and why. PINNATE_INVALID says
 * what is wrong with `uri` (at most 2048 bytes). PINNATE_UNSUPPORTED: this build has no such source.
 * PINNATE_CONFLICT: it is there already. */
PINNATE_API pinnate_status pinnate_gateway_add_source(pinnate_gateway *gateway, const char *uri,
                                                      pinnate_ticket *ticket);

/* How the members of a gateway stand, as numbers to be exported. The first ones are of now; those
 * called _total only grow, from the moment when the gateway was opened. */
typedef struct pinnate_member_counts {
  size_t size;
  uint64_t sources, stale_sources;
  uint64_t linked, dialling, waiting, refused, elsewhere, ending;  /* members that a source names, by state */
  uint64_t registered;            /* linked, and named by no source: who dialled in, or is dialled by the host */
  uint64_t dials_total;           /* downward */
  uint64_t failed_dials_total;    /* of these, those that made no link */
  uint64_t refused_dials_total;   /* of those, where somebody answered and said no, or was no tier */
} pinnate_member_counts;

#define PINNATE_MEMBER_COUNTS_INIT { sizeof(pinnate_member_counts), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
PINNATE_API void pinnate_member_counts_init(pinnate_member_counts *counts, size_t size);

/* Fills in *counts. Off the loop's thread it waits for that. */
PINNATE_API pinnate_status pinnate_gateway_member_counts(pinnate_gateway *gateway, pinnate_member_counts *counts);

/* The roll-up of what is below this gateway, also while its upstream is away. */
PINNATE_API pinnate_status pinnate_gateway_status(pinnate_gateway *gateway, const char *name,
                                                  pinnate_rollup_fn on_rollup, void *arg);
PINNATE_API pinnate_status pinnate_gateway_status_wait(pinnate_gateway *gateway, const char *name,
                                                       pinnate_rollup_fn on_rollup, void *arg, char *error,
                                                       size_t error_bytes);
PINNATE_API pinnate_status pinnate_gateway_lookup(pinnate_gateway *gateway, const pinnate_lookup *lookup,
                                                  pinnate_rows_fn on_rows, void *arg);
PINNATE_API pinnate_status pinnate_gateway_lookup_wait(pinnate_gateway *gateway, const pinnate_lookup *lookup,
                                                       pinnate_rows_fn on_rows, void *arg, char *error,
                                                       size_t error_bytes);

/* Sources and members of gateways: of `lookup`, only at, cursor, limit, timeout_ms and ticket are
 * looked at. Without `at`, those of every gateway, from this one down. Those of a gateway of a version that
 * knows no members are left out. */
PINNATE_API pinnate_status pinnate_gateway_members(pinnate_gateway *gateway, const pinnate_lookup *lookup,
                                                   pinnate_members_fn on_members, void *arg);
PINNATE_API pinnate_status pinnate_gateway_members_wait(pinnate_gateway *gateway, const pinnate_lookup *lookup,
                                                        pinnate_members_fn on_members, void *arg, char *error,
                                                        size_t error_bytes);

/* Calls a function below this gateway, or, when none below serves it, through the upstream. */
PINNATE_API pinnate_status pinnate_gateway_call(pinnate_gateway *gateway, const pinnate_call *call,
                                                pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_gateway_call_wait(pinnate_gateway *gateway, const pinnate_call *call, void **result,
                                                     size_t *result_size, char *error, size_t error_bytes);

/* The id in the fleet, as given or made. Valid until the handle is freed; NULL for NULL. */
PINNATE_API const char *pinnate_gateway_id(const pinnate_gateway *gateway);

/* Tells on_link soon how each dial fares, and then of every link that comes and goes. */
PINNATE_API pinnate_status pinnate_gateway_watch_links(pinnate_gateway *gateway, pinnate_link_fn on_link, void *arg,
                                                       pinnate_ticket *ticket);

/* Takes over labels, log level, heartbeat and backoff of an open tier, as a host does that reads
 * its configuration again: pass the same options as to ..._open, with what has changed. The log
 * hook, the loop and folder_wait_ms are not looked at. PINNATE_INVALID names what cannot change,
 * and nothing has changed then. Other labels are told above over a new link, so calls under way
 * over the old one end as interrupted. */
PINNATE_API pinnate_status pinnate_gateway_reload(pinnate_gateway *gateway, const pinnate_tier_options *tier);

/* Ends what a ticket stands for; see pinnate_ticket. Off the loop's thread it waits for that. */
PINNATE_API pinnate_status pinnate_gateway_cancel(pinnate_gateway *gateway, pinnate_ticket ticket);

PINNATE_API pinnate_status pinnate_gateway_close(pinnate_gateway *gateway, pinnate_closed_fn on_closed, void *arg);
PINNATE_API pinnate_status pinnate_gateway_close_wait(pinnate_gateway *gateway);
PINNATE_API void pinnate_gateway_free(pinnate_gateway *gateway);

#ifdef __cplusplus
}
#endif
#endif
