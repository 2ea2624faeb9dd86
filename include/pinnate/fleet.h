/* pinnate/fleet.h: what is asked of a fleet and what it answers: publish, releases, roll-up,
 * lookup, call. The same requests go to a controller in process (controller.h), through a link
 * (client.h), and in part to gateways (gateway.h) and engines (engine.h). See common.h for the
 * conventions. */
#ifndef PINNATE_FLEET_H
#define PINNATE_FLEET_H

#include <pinnate/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- publish ------------------------------------------------------------------------------- */

/* One artifact: the bytes for one platform. Give `path` or `bytes`, not both. */
typedef struct pinnate_artifact {
  size_t size;
  const char *platform;  /* "linux-x86_64", ..., or "any". Default: read from an ELF file, else "any" */
  const char *path;      /* a file; it is read while the publish goes on and must not change meanwhile */
  pinnate_bytes bytes;   /* or bytes in memory: copied before the function returns */
} pinnate_artifact;

#define PINNATE_ARTIFACT_INIT { sizeof(pinnate_artifact), NULL, NULL, {NULL, 0} }
PINNATE_API void pinnate_artifact_init(pinnate_artifact *artifact, size_t size);

/* What a shared object's own bytes let one expect of it in an engine. */
typedef struct pinnate_finding {
  size_t size;
  const char *word;      /* its kind, as pinnate_publish.allow names it: "unique-symbols", "exports", ... */
  int refused;           /* not 0: engines refuse it, and so does a publish, unless it is allowed. 0: a warning */
  const char *text;      /* what it is, what comes of it and what helps */
} pinnate_finding;

typedef struct pinnate_checked {
  size_t size;
  const char *platform;            /* "linux-x86_64" */
  const char *c_library;           /* which one it is built for: "glibc", "musl", or "" where that cannot be told */
  const char *c_library_version;   /* the oldest that will do, as in "2.34"; "" where that cannot be told */
  uint32_t module_abi;             /* of its descriptor (module.h), 0 when it has none; and the descriptor's flags */
  uint32_t module_flags;
  const pinnate_finding *const *findings; /* those refused first; none: there is nothing to be said of it */
  size_t finding_count;
} pinnate_checked;

typedef void (*pinnate_checked_fn)(void *arg, const pinnate_checked *checked);

/* Looks at a module of the loader "native" without loading it, for whatever platform it is, and
 * tells on_checked before it returns. PINNATE_INVALID: it is not a whole shared object. A publish
 * does the same, and each engine, which also sees what its own process makes of it. Any thread;
 * reads the file's tables. */
PINNATE_API pinnate_status pinnate_check_artifact(const pinnate_artifact *artifact, pinnate_checked_fn on_checked,
                                                  void *arg);

typedef struct pinnate_publish {
  size_t size;
  const char *name;     /* the function's name: 1 to 63 of [a-z0-9._-], beginning with a letter or digit */
  const char *version;  /* 1 to 63 of [a-zA-Z0-9._+-] */
  const char *loader;   /* which loader makes services from it. Default "native" */
  const pinnate_artifact *const *artifacts;
  size_t artifact_count;     /* 1 to 16, each of another platform */
  pinnate_bytes config;      /* handed to the service at create; at most 64 KiB */
  const char *selector;      /* e.g. "region=eu,ring!=canary": all terms must hold; "key" and "!key" ask for
                                presence. Default: everything */
  uint32_t load_limit_ms;    /* how long its loader may take, constructors included. Default 10000; 1 to 600000, as
                                all below */
  uint32_t create_limit_ms;  /* default 10000 */
  uint32_t health_limit_ms;  /* default 5000 */
  uint32_t call_limit_ms;    /* upper bound of any call's deadline. Default 30000 */
  uint32_t drain_limit_ms;   /* how long a replaced service may finish its calls. Default 30000 */
  pinnate_ticket *ticket;    /* cancelling it ends the waiting; what the controller has by then may still hold */
  int keep_older;            /* not 0: releases of this name that are current stay so below this one, and serve again
                                when it is withdrawn. Default: a release without a selector supersedes them all at
                                once, whether it goes live or not; an engine serves the older one until it does */
  const char *allow;         /* words of findings (pinnate_finding) that are no reason to refuse it, with commas between:
                                "exports,executable-stack". Engines are told. Default: none. Warnings go to the log
                                hook, at level warning */
  int stop_first;            /* not 0: an engine destroys the function's service and unloads its module before it loads
                                this one, for runtimes that cannot live twice in a process. Calls wait meanwhile, for
                                10 s at most, and end as PINNATE_BUSY then. When this one fails, the one before is made
                                again. Default: as the module says (PINNATE_ONE_AT_A_TIME), and else both live for a
                                moment, and no call waits */
} pinnate_publish;

#define PINNATE_PUBLISH_INIT \
  { sizeof(pinnate_publish), NULL, NULL, NULL, NULL, 0, {NULL, 0}, NULL, 0, 0, 0, 0, 0, NULL, 0, NULL, 0 }
PINNATE_API void pinnate_publish_init(pinnate_publish *publish, size_t size);

/* What came of a publish. Filled by the library where a function takes one to write to. */
typedef struct pinnate_published {
  size_t size;
  uint64_t release;       /* the release that holds now */
  uint64_t epoch;
  uint64_t revision;      /* the desired state that contains it */
  int created;            /* 0: the current release already said exactly this */
  uint32_t prepare_us;    /* chunking, hashing, compressing; 0 when done elsewhere */
  uint32_t durable_us;    /* until everything was on the controller's disk */
} pinnate_published;

#define PINNATE_PUBLISHED_INIT { sizeof(pinnate_published), 0, 0, 0, 0, 0, 0 }
PINNATE_API void pinnate_published_init(pinnate_published *published, size_t size);

/* `published` is NULL when status is not PINNATE_OK; `error` is "" when it is. */
typedef void (*pinnate_published_fn)(void *arg, pinnate_status status, const char *error,
                                     const pinnate_published *published);

/* Reports how a publish proceeds before it is acknowledged, of the bytes of all artifacts: each
 * counts half when it has been read, and half when it is stored. Never goes back; may end short of
 * the total. */
typedef void (*pinnate_progress_fn)(void *arg, uint64_t done_bytes, uint64_t total_bytes);

typedef void (*pinnate_done_fn)(void *arg, pinnate_status status, const char *error);

/* ---- releases ------------------------------------------------------------------------------ */

typedef struct pinnate_release {
  size_t size;
  uint64_t number;
  const char *name;
  const char *version;
  const char *selector;
  const char *manifest;     /* digest, 64 hex digits */
  const char *platforms;    /* "linux-aarch64 linux-x86_64" */
  uint64_t artifact_bytes;  /* of all platforms */
  int64_t decided_unix_ms;  /* 0: not known, as all but number, name, version and how it ended */
  int current;              /* 0: superseded or withdrawn */
  const char *ended;        /* "", "superseded by 7", "withdrawn", "lost with a restored copy" */
} pinnate_release;

/* Newest first. */
typedef void (*pinnate_releases_fn)(void *arg, pinnate_status status, const char *error,
                                    const pinnate_release *const *releases, size_t count);

/* ---- roll-up ------------------------------------------------------------------------------- */

typedef enum pinnate_phase {
  PINNATE_PHASE_PENDING = 0,       /* has not begun, or has not been heard of */
  PINNATE_PHASE_FETCHING = 1,
  PINNATE_PHASE_LOADING = 2,       /* loading, creating, checking health */
  PINNATE_PHASE_LIVE = 3,          /* loaded, created, healthy, taking calls at this version */
  PINNATE_PHASE_FAILED = 4,  /* the reason is in words; tried again with a capped backoff */
  PINNATE_PHASE_INCOMPATIBLE = 5, /* no artifact for its platform, or no loader */
  PINNATE_PHASE_NOT_SELECTED = 6,
  PINNATE_PHASE_OFFLINE = 7,
  PINNATE_PHASE_COUNT = 8    /* known to this header; a later library may know more */
} pinnate_phase;

/* "pending", "fetching", ...; "unknown" for other numbers. Any thread. */
PINNATE_API const char *pinnate_phase_name(pinnate_phase phase);

/* Why a release is not live on an engine. */
typedef struct pinnate_failure {
  size_t size;
  const char *engine;
  const char *reason;
} pinnate_failure;

/* How one release stands: phases[PINNATE_PHASE_LIVE] engines are live. There are as many phases as
 * the library knows, at least the 8 of above; together they always sum to the known engines. */
typedef struct pinnate_release_status {
  size_t size;
  uint64_t number;
  const char *name;
  const char *version;
  int current;                /* part of the desired state; else still served somewhere */
  const uint64_t *phases;     /* engines in each phase, by its number */
  size_t phase_count;
  uint64_t serving;           /* online engines whose calls this release takes now */
  uint64_t serving_offline;   /* the same among engines that are offline, as last known */
  const pinnate_failure *const *failures; /* the first few */
  size_t failure_count;
} pinnate_release_status;

typedef struct pinnate_rollup {
  size_t size;
  const char *id;             /* the tier that answers */
  uint64_t epoch;
  uint64_t revision;          /* its desired state */
  uint64_t known_engines;     /* online + offline */
  uint64_t online_engines;
  uint64_t forgotten_engines; /* since the tier first started */
  uint64_t known_gateways;
  uint64_t online_gateways;
  const pinnate_release_status *const *releases;
  size_t release_count;
  const char *const *notices; /* sentences: cache too small, disk full, two tiers under one id, a restored copy, ... */
  size_t notice_count;
  uint64_t kept_images;       /* of online engines: objects that could not be unmapped; see pinnate_kept_image */
  uint64_t kept_bytes;
} pinnate_rollup;

typedef void (*pinnate_rollup_fn)(void *arg, pinnate_status status, const char *error, const pinnate_rollup *rollup);

/* ---- lookup of tiers, in pages ------------------------------------------------------------- */

typedef enum pinnate_role {
  PINNATE_ROLE_CONTROLLER = 0,
  PINNATE_ROLE_GATEWAY = 1,
  PINNATE_ROLE_ENGINE = 2,
  PINNATE_ROLE_CLIENT = 3
} pinnate_role;

typedef struct pinnate_lookup {
  size_t size;
  const char *at;        /* only below the gateway of this id. Default: the whole tree */
  const char *name;      /* only services of this function */
  const char *engine;    /* only the engine of this id */
  int phase;             /* only engines with a release in this phase: 1 + pinnate_phase. Default 0: any */
  int gateways;          /* not 0: list gateways too, each before what is below it */
  const char *cursor;    /* where to go on: the `next` of the page before. Default: from the start */
  uint32_t limit;        /* rows on this page. Default 100, at most 1000 */
  uint32_t timeout_ms;   /* default 10000 */
  pinnate_ticket *ticket;
} pinnate_lookup;

#define PINNATE_LOOKUP_INIT { sizeof(pinnate_lookup), NULL, NULL, NULL, 0, 0, NULL, 0, 0, NULL }
PINNATE_API void pinnate_lookup_init(pinnate_lookup *lookup, size_t size);

/* One release on one engine. */
typedef struct pinnate_service {
  size_t size;
  const char *name;
  const char *version;
  uint64_t release;
  pinnate_phase phase;
  const char *reason;    /* "" unless failed or incompatible */
  int serving;           /* this release's service takes the function's calls */
} pinnate_service;

/* A module that is in an engine's memory although its service is gone, since to unmap it could end
 * the process, or a library that came with one. It stays until the process ends, or, where threads
 * were in it, until they have left and another module is loaded. An engine has a limit for modules
 * (pinnate_engine_options); at the limit it loads no further version of a function that would stay. */
typedef struct pinnate_kept_image {
  size_t size;
  const char *function;
  const char *version;
  uint64_t bytes;        /* mapped */
  uint32_t threads;      /* that are in it */
  const char *why;
} pinnate_kept_image;

typedef struct pinnate_row {
  size_t size;
  pinnate_role role;
  const char *id;
  const char *path;      /* ids from below the answering tier down to its parent, joined by '/' */
  int online;
  const char *platform;  /* engines */
  const pinnate_label *const *labels;
  size_t label_count;
  uint64_t epoch, revision;      /* the desired state it has confirmed */
  uint64_t known_engines, online_engines;  /* gateways */
  const pinnate_service *const *services;  /* engines */
  size_t service_count;
  const char *notice;    /* "" or what is wrong with it, in words */
  const pinnate_kept_image *const *kept;   /* online engines */
  size_t kept_count;
} pinnate_row;

/* `next` is "" on the last page. A gateway that cannot be asked is a row with online 0. */
typedef void (*pinnate_rows_fn)(void *arg, pinnate_status status, const char *error, const pinnate_row *const *rows,
                                 size_t count, const char *next);

/* ---- members of gateways, in pages --------------------------------------------------------- */

typedef enum pinnate_member_state {
  PINNATE_MEMBER_UNKNOWN = 0,      /* a gateway that cannot be asked for its own, and why */
  PINNATE_MEMBER_LINKED = 1,
  PINNATE_MEMBER_DIALLING = 2,
  PINNATE_MEMBER_WAITING = 3,      /* for its next try, or for its turn among many */
  PINNATE_MEMBER_REFUSED = 4,      /* it is of another fleet, or no tier at all; tried again, ever more seldom */
  PINNATE_MEMBER_ELSEWHERE = 5,    /* its engine is linked under another address */
  PINNATE_MEMBER_ENDING = 6,       /* it ends, as a source says, and is not dialled */
  PINNATE_MEMBER_SOURCE = 7,       /* a source: what it said last is whole */
  PINNATE_MEMBER_STALE_SOURCE = 8, /* a source that fails or is incomplete: its last good set stands */
  PINNATE_MEMBER_STATE_COUNT = 9   /* known to this header; a later library may know more */
} pinnate_member_state;

/* "linked", "stale source", ...; "unknown" for other numbers. Any thread. */
PINNATE_API const char *pinnate_member_state_name(pinnate_member_state state);

/* Who is right below a gateway, or where it looks for them: first its sources, then its members. */
typedef struct pinnate_member {
  size_t size;
  pinnate_member_state state;
  const char *path;      /* ids from below the answering tier down to its gateway, joined by '/'; "": the tier itself */
  const char *address;   /* as it is dialled, or dialled in from; "" for a source */
  const char *id;        /* of the tier there; "" while that is not known */
  const char *const *sources; /* who names it: "registration" (it dialled in), "dial" (the host does), or a source;
                                 none: nobody does any more. For a source: itself */
  size_t source_count;
  uint64_t named;        /* for a source: how many members it names */
  int terminating;       /* a source says that it ends: it gets no new call */
  const char *why;       /* "", why it is not linked, or why a source is stale or names nobody */
  uint64_t since_unix_ms; /* since when a source is stale */
} pinnate_member;

/* `next` is "" on the last page. */
typedef void (*pinnate_members_fn)(void *arg, pinnate_status status, const char *error,
                                   const pinnate_member *const *members, size_t count, const char *next);

/* ---- call ---------------------------------------------------------------------------------- */

/* What goes with a call beside its payload: a request id, a tenant, a trace. Key: 1 to 63 of
 * [a-zA-Z0-9._-], each once. Value: text of at most 4096 bytes. At most 32 headers, of 8 KiB
 * together. */
typedef struct pinnate_header {
  size_t size;
  const char *key;
  const char *value;
} pinnate_header;

#define PINNATE_HEADER_INIT { sizeof(pinnate_header), NULL, NULL }
PINNATE_API void pinnate_header_init(pinnate_header *header, size_t size);

typedef struct pinnate_call {
  size_t size;
  const char *name;      /* the function */
  pinnate_bytes payload; /* at most 1 MiB; copied before the function returns */
  const char *engine;    /* only this engine. Default: any that serves the function */
  uint32_t timeout_ms;   /* default 10000; also bounded by the release's call_limit_ms */
  int idempotent;        /* not 0: may be run again elsewhere when a link is lost meanwhile */
  const pinnate_header *const *headers; /* copied before the function returns; the module sees them */
  size_t header_count;
  pinnate_ticket *ticket; /* cancelling it is told to the module (pinnate_host.cancelled) */
} pinnate_call;

#define PINNATE_CALL_INIT { sizeof(pinnate_call), NULL, {NULL, 0}, NULL, 0, 0, NULL, 0, NULL }
PINNATE_API void pinnate_call_init(pinnate_call *call, size_t size);

/* Calls under way are bounded in number and bytes, by link and at every tier that passes them on.
 * Those that wait for their results may fill three quarters of what a link may hold
 * (link_limit_bytes). One more ends with PINNATE_BUSY, and so do more than 4096 from one link, and
 * those that find an engine's queue full. Such a call never ran; try it again later. A result that
 * does not fit the link over which it was asked for is lost: the call ran, and ends with
 * PINNATE_INTERRUPTED.
 *
 * Called once per call. `result` is empty unless status is PINNATE_OK, or PINNATE_FAILED where it
 * is what the service said. */
typedef void (*pinnate_result_fn)(void *arg, pinnate_status status, const char *error, pinnate_bytes result);

/* Frees what a ..._call_wait gave. */
PINNATE_API void pinnate_result_free(void *result);

/* ---- links --------------------------------------------------------------------------------- */

typedef enum pinnate_link_state {
  PINNATE_LINK_CONNECTING = 0, /* it is being dialled */
  PINNATE_LINK_UP = 1,         /* both ends know and accept each other */
  PINNATE_LINK_DOWN = 2        /* it ended, or did not come about; `why` says more */
} pinnate_link_state;

typedef struct pinnate_link {
  size_t size;
  pinnate_ticket dial;      /* the dial that it belongs to; 0: the peer dialled */
  pinnate_link_state state;
  const char *address;      /* as it was dialled, or where the peer dialled from */
  int upstream;             /* not 0: the peer is above this tier; of a link that was accepted, once it is up */
  const char *id;           /* the peer's, once it has said so; "" until then */
  pinnate_role role;        /* the peer's; says nothing while `id` is "" */
  pinnate_status status;    /* of a link that is down: why */
  const char *why;          /* in words; "" otherwise */
  uint32_t next_try_ms;     /* until it is dialled again; 0: not by itself. A dial stands back while another link to
                               the same peer, or up, is there */
} pinnate_link;

/* `link` NULL: the watch has ended, and this is the last that it is told. */
typedef void (*pinnate_link_fn)(void *arg, const pinnate_link *link);

#ifdef __cplusplus
}
#endif
#endif
