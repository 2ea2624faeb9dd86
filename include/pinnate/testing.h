/* pinnate/testing.h: a whole fleet in one process and in virtual time, for a host's own unit tests.
 *
 * The controller, gateways and engines are those of the library, to the last line; network, disks
 * and clocks are simulated, and so are modules of a kind for which the host has added no loader.
 * The same seed and the same calls give the same run. See common.h for the conventions; what is
 * different here:
 *
 *  - There is no loop and no thread. Virtual time stands still but inside the functions that say
 *    "lets time pass", which run the fleet on the calling thread. No function waits in real time,
 *    and none opens a socket or a file but what is to be published.
 *  - Callbacks (log, describe, condition, on_result, a loader's functions) run on the calling
 *    thread, inside such functions. From inside one, every function of this fleet but those marked
 *    "anywhere" returns PINNATE_WRONG_THREAD. Threads may take turns; while one is in a function,
 *    others get PINNATE_WRONG_THREAD.
 *  - A fleet that was closed is told by PINNATE_CLOSED.
 *  - Tiers go by names, which are also their ids: the controller "c", sites (node gateways) "s0",
 *    "s1", ..., clusters (container gateways) "s0.k0", ..., engines "s0.k0.e0", ...
 *  - What a function hands out (texts, roll-ups, rows, results) belongs to the fleet and is valid
 *    until the next call of any function with this fleet that is not marked "anywhere".
 */
#ifndef PINNATE_TESTING_H
#define PINNATE_TESTING_H

#include <pinnate/common.h>
#include <pinnate/fleet.h>
#include <pinnate/loader.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pinnate_testing_fleet pinnate_testing_fleet;

/* ---- the fleet and its shape ---------------------------------------------------------------- */

/* One tier of the fleet. `name` to `index` say which; the rest may be changed by
 * pinnate_testing_options.describe. */
typedef struct pinnate_testing_tier {
  size_t size;
  const char *name;
  const char *parent;           /* the tier that it dials; "" for the controller */
  pinnate_role role;
  uint32_t index;               /* its place below its parent, from 0 */
  const pinnate_label *const *labels; /* own labels; default none. What describe sets must live until its next call, or */
  size_t label_count;           /* until pinnate_testing_open returns; so must `platform` */
  const char *platform;         /* of an engine */
  int durable;                  /* an engine: has a state folder, which survives a restart */
  uint32_t latency_us;          /* what it adds to the latency of its links, one way; at most 10000000 */
} pinnate_testing_tier;

/* Called for each tier before it is made, upper ones first, with the defaults in place. `size` says
 * which fields may be changed. */
typedef void (*pinnate_testing_describe_fn)(void *arg, pinnate_testing_tier *tier);

/* Engines: at most 100000 in all, and as many gateways. */
typedef struct pinnate_testing_options {
  size_t size;
  uint64_t seed;             /* of all that is left to chance: latencies, jitter, ids. Default 1 */
  uint32_t sites;            /* default 1 */
  uint32_t clusters;         /* on each site. Default 1 */
  uint32_t engines;          /* in each cluster. Default 1 */
  uint32_t depth;            /* gateways between the controller and an engine, 1 to 8. Default 2. With 1, engines stand right
                                below their site, and `clusters` is 0. With more than 2, the rest stand in a row
                                between a site and its clusters: "s0.r0", "s0.r0.r0", ... */
  int durable;               /* not 0: engines have a state folder */
  const char *platform;      /* of engines. Default pinnate_platform() */
  uint32_t latency_min_us;   /* one way; each connection draws its own. Default 200 */
  uint32_t latency_max_us;   /* default 2000, or latency_min_us if that is more; at most 10000000 */
  uint32_t heartbeat_ms;     /* as in pinnate_tier_options, for all tiers. Default 5000 */
  uint32_t backoff_min_ms;   /* default 200 */
  uint32_t backoff_max_ms;   /* default 30000 */
  uint32_t forget_after_ms;  /* how long an offline tier is remembered. Default 86400000 (one day) */
  pinnate_testing_describe_fn describe; /* default: all tiers alike */
  void *describe_arg;
  pinnate_log_fn log;        /* lines of all tiers, each after its time and its tier's name. Default: no logs */
  void *log_arg;
  pinnate_log_level log_level;
} pinnate_testing_options;

#define PINNATE_TESTING_OPTIONS_INIT \
  { sizeof(pinnate_testing_options), 0, 0, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, PINNATE_LOG_DEBUG }
PINNATE_API void pinnate_testing_options_init(pinnate_testing_options *options, size_t size);

/* Makes the fleet. All tiers are up and begin to dial; no time has passed. */
PINNATE_API pinnate_status pinnate_testing_open(const pinnate_testing_options *options, pinnate_testing_fleet **fleet);

/* All tiers, the controller first, each before what is below it. *tiers is valid until the fleet is
 * closed. Anywhere. */
PINNATE_API pinnate_status pinnate_testing_tiers(const pinnate_testing_fleet *fleet,
                                                 const pinnate_testing_tier *const **tiers, size_t *count);

/* Has engines make services from artifacts of a kind by the host's own loader, which may replace
 * one added before; for what is loaded from now on. `loader` is copied; what its `self` points to
 * must live until the fleet is closed.
 *
 * Its functions are really called, for each engine, with the artifact's bytes and the release's
 * configuration. All engines share one image of an artifact (`fd`, `data`), which lasts as long as
 * the fleet. A call that is answered while `call` runs is answered at that virtual time; one that
 * is answered later, from any thread, when the fleet next lets time pass. In virtual time `load`
 * takes 5 ms, `create` 2 ms, the rest 1 ms each, whatever they take in truth. An engine that is
 * killed has its services destroyed and its modules unloaded too, so that nothing of the host's is
 * left. A function that does not return, or ends the process, does so to the test: for such modules
 * there is pinnate_testing_inject.
 *
 * Modules of other kinds, native ones too, are simulated: their calls answer
 * "NAME@VERSION:PAYLOAD". */
PINNATE_API pinnate_status pinnate_testing_add_loader(pinnate_testing_fleet *fleet, const pinnate_loader *loader);

/* ---- time ----------------------------------------------------------------------------------- */

/* Virtual milliseconds since the fleet was opened. Anywhere. */
PINNATE_API pinnate_status pinnate_testing_now(const pinnate_testing_fleet *fleet, uint64_t *now_ms);

/* Lets time pass: `ms` milliseconds, at most 31536000000 (a year) at once. */
PINNATE_API pinnate_status pinnate_testing_advance(pinnate_testing_fleet *fleet, uint64_t ms);

/* Lets time pass until `condition` returns other than 0; it is asked at once, and after each
 * millisecond in which something happened, and may call what is marked "anywhere". PINNATE_TIMEOUT:
 * it did not within limit_ms. */
typedef int (*pinnate_testing_condition_fn)(void *arg);
PINNATE_API pinnate_status pinnate_testing_run_until(pinnate_testing_fleet *fleet,
                                                     pinnate_testing_condition_fn condition, void *arg,
                                                     uint64_t limit_ms);

/* Lets time pass until every engine that is up is online in the controller's eyes, and no other.
 * PINNATE_TIMEOUT: not within limit_ms; the words count them. */
PINNATE_API pinnate_status pinnate_testing_wait_online(pinnate_testing_fleet *fleet, uint64_t limit_ms);

/* Lets time pass until a current release is served by `engines` of the engines that are up and that
 * it selects, 0: by all of them; and the controller's roll-up says so. PINNATE_TIMEOUT: not within
 * limit_ms; the words say how many do, and for one that does not, why. PINNATE_NOT_FOUND: no such
 * release is current. PINNATE_INVALID: it cannot be, for it selects fewer. */
PINNATE_API pinnate_status pinnate_testing_wait_live(pinnate_testing_fleet *fleet, uint64_t release, uint64_t engines,
                                                     uint64_t limit_ms);

/* ---- requests: each lets time pass until it is answered, at most a virtual minute ------------ */

/* As pinnate_controller_publish; `published` may be NULL. Files are read before it returns. */
PINNATE_API pinnate_status pinnate_testing_publish(pinnate_testing_fleet *fleet, const pinnate_publish *publish,
                                                   pinnate_published *published);

/* As pinnate_controller_unpublish. */
PINNATE_API pinnate_status pinnate_testing_unpublish(pinnate_testing_fleet *fleet, const char *name, uint64_t release);

/* Calls a function by the process around `tier` (NULL: the controller): there if it is an engine
 * that serves it, else through the tree. What comes of the call is what this returns. *result is
 * set whenever that is PINNATE_OK or PINNATE_FAILED. */
PINNATE_API pinnate_status pinnate_testing_call(pinnate_testing_fleet *fleet, const char *tier,
                                                const pinnate_call *call, pinnate_bytes *result);

/* Begins a call and lets no time pass. on_result runs, once, in a later function that does; with
 * PINNATE_CLOSED when the fleet is closed before, and with PINNATE_INTERRUPTED when the tier that
 * was asked ends before. At most 65536 at a time, else PINNATE_BUSY. */
PINNATE_API pinnate_status pinnate_testing_begin_call(pinnate_testing_fleet *fleet, const char *tier,
                                                      const pinnate_call *call, pinnate_result_fn on_result, void *arg);

/* ---- what is live where ---------------------------------------------------------------------- */

/* How the fleet below a tier stands (NULL: below the controller), for one function or (NULL) for
 * all. Lets time pass. PINNATE_UNREACHABLE: that tier is down. */
PINNATE_API pinnate_status pinnate_testing_status(pinnate_testing_fleet *fleet, const char *tier, const char *name,
                                                  const pinnate_rollup **rollup);

/* Lists what is below a tier (NULL: the controller) by page; an engine lists itself. *next is "" on
 * the last page; `next` may be NULL. Lets time pass. PINNATE_UNREACHABLE: that tier is down. */
PINNATE_API pinnate_status pinnate_testing_lookup(pinnate_testing_fleet *fleet, const char *tier,
                                                  const pinnate_lookup *lookup, const pinnate_row *const **rows,
                                                  size_t *count, const char **next);

/* What an engine says of itself: one service per release that selects it, with its phase and the
 * reason. Lets time pass. PINNATE_UNREACHABLE: it is down. */
PINNATE_API pinnate_status pinnate_testing_engine(pinnate_testing_fleet *fleet, const char *engine,
                                                  const pinnate_row **row);

/* What really takes a function's calls on an engine, whatever the tiers say: its version, or ""
 * when nothing does, or the engine is down. The text is valid until the fleet lets time pass.
 * Anywhere. */
PINNATE_API pinnate_status pinnate_testing_version_on(const pinnate_testing_fleet *fleet, const char *engine,
                                                      const char *function, const char **version);

/* On how many engines calls of a function are really taken, by this version or (NULL) by any.
 * Anywhere. */
PINNATE_API pinnate_status pinnate_testing_count(const pinnate_testing_fleet *fleet, const char *function,
                                                 const char *version, uint64_t *engines);

/* Whether a tier is up, and how many lives it has begun; both may be NULL. Anywhere. */
PINNATE_API pinnate_status pinnate_testing_is_up(const pinnate_testing_fleet *fleet, const char *tier, int *up,
                                                 uint32_t *lives);

/* ---- faults: none lets time pass ------------------------------------------------------------- */

/* Resets the link between two tiers, if there is one: what is in flight is lost, and the lower one
 * dials again. PINNATE_INVALID: neither dials the other. */
PINNATE_API pinnate_status pinnate_testing_cut(pinnate_testing_fleet *fleet, const char *a, const char *b);

/* From now on a tier and all below it hear only each other: links to the rest carry nothing, and
 * new ones do not come to be. Several may be apart at once, each from all others. PINNATE_INVALID
 * for the controller: all is below it. */
PINNATE_API pinnate_status pinnate_testing_partition(pinnate_testing_fleet *fleet, const char *tier);

/* The network is whole again. */
PINNATE_API pinnate_status pinnate_testing_heal(pinnate_testing_fleet *fleet);

/* The tier ends at once, as by kill -9: its peers learn that by a reset. PINNATE_UNREACHABLE: it is
 * down. */
PINNATE_API pinnate_status pinnate_testing_kill(pinnate_testing_fleet *fleet, const char *tier);

/* The same with its machine: peers hear nothing, and what it had not synced is lost. */
PINNATE_API pinnate_status pinnate_testing_lose_power(pinnate_testing_fleet *fleet, const char *tier);

/* The tier is closed, as by its ..._close function, and is down soon after. PINNATE_UNREACHABLE: it
 * is down. */
PINNATE_API pinnate_status pinnate_testing_stop(pinnate_testing_fleet *fleet, const char *tier);

/* Starts a tier that is down, with what its disk holds; one that is up is killed first. */
PINNATE_API pinnate_status pinnate_testing_restart(pinnate_testing_fleet *fleet, const char *tier);

typedef enum pinnate_testing_step {
  PINNATE_TESTING_LOAD = 0,
  PINNATE_TESTING_CREATE = 1,
  PINNATE_TESTING_HEALTH = 2,
  PINNATE_TESTING_CALL = 3,
  PINNATE_TESTING_DESTROY = 4,
  PINNATE_TESTING_STEP_COUNT = 5
} pinnate_testing_step;

typedef enum pinnate_testing_fate {
  PINNATE_TESTING_FAILS = 0,  /* says no, in `reason`; a destroy that fails has no meaning and is PINNATE_INVALID */
  PINNATE_TESTING_HANGS = 1,  /* never ends */
  PINNATE_TESTING_KILLS = 2,  /* ends its engine, which starts again after a second */
  PINNATE_TESTING_SLOW = 3,   /* does well, after takes_ms */
  PINNATE_TESTING_FATE_COUNT = 4
} pinnate_testing_fate;

/* How a module is to behave, instead of what it would do of itself. Modules are told apart by their
 * artifacts: what is injected for one holds for others with the same bytes. */
typedef struct pinnate_testing_fault {
  size_t size;
  const char *name;      /* of the module */
  const char *version;
  pinnate_testing_step step;
  pinnate_testing_fate fate;
  uint32_t first_times;  /* so often on each engine, then well. Default 0: always */
  uint32_t takes_ms;     /* until it comes to that; required for PINNATE_TESTING_SLOW. Default: as long as the step takes */
  const char *engine;    /* on this engine alone, which goes before what is injected for all. Default: on all */
  const char *reason;    /* default "injected by the test"; at most 512 bytes */
} pinnate_testing_fault;

#define PINNATE_TESTING_FAULT_INIT \
  { sizeof(pinnate_testing_fault), NULL, NULL, PINNATE_TESTING_LOAD, PINNATE_TESTING_FAILS, 0, 0, NULL, NULL }
PINNATE_API void pinnate_testing_fault_init(pinnate_testing_fault *fault, size_t size);

/* Holds until it is cured, for a module that was published or will be; one fault for each step, and
 * engine or all. At most 100000 of them. */
PINNATE_API pinnate_status pinnate_testing_inject(pinnate_testing_fleet *fleet, const pinnate_testing_fault *fault);

/* Takes back all that was injected for a module. PINNATE_NOT_FOUND: nothing was. */
PINNATE_API pinnate_status pinnate_testing_cure(pinnate_testing_fleet *fleet, const char *name, const char *version);

/* ---- end ------------------------------------------------------------------------------------- */

/* Ends the fleet and frees it before it returns: services of the host's loaders are destroyed,
 * their modules unloaded, calls under way end with PINNATE_CLOSED. */
PINNATE_API pinnate_status pinnate_testing_close(pinnate_testing_fleet *fleet);

#ifdef __cplusplus
}
#endif
#endif
