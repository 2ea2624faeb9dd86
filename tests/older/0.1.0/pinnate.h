/* include/pinnate of one version, as tests/package/abi.py wrote it. */

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
struct uv_loop_s;
typedef struct pinnate_loop pinnate_loop;
typedef enum pinnate_status {
  PINNATE_OK = 0,
  PINNATE_INVALID = 1,
  PINNATE_NOT_FOUND = 2,
  PINNATE_CONFLICT = 3,
  PINNATE_REFUSED = 4,
  PINNATE_UNREACHABLE = 5,
  PINNATE_TIMEOUT = 6,
  PINNATE_CLOSED = 7,
  PINNATE_BUSY = 8,
  PINNATE_TOO_LARGE = 9,
  PINNATE_NO_SPACE = 10,
  PINNATE_IO = 11,
  PINNATE_CORRUPT = 12,
  PINNATE_INCOMPATIBLE = 13,
  PINNATE_FAILED = 14,
  PINNATE_NO_MEMORY = 15,
  PINNATE_WRONG_THREAD = 16,
  PINNATE_FORKED = 17,
  PINNATE_IN_USE = 18,
  PINNATE_CANCELLED = 19,
  PINNATE_INTERRUPTED = 20,
  PINNATE_UNSUPPORTED = 21,
  PINNATE_OVERLOADED = 22,
  PINNATE_INTERNAL = 23
} pinnate_status;
PINNATE_API const char *pinnate_status_name(pinnate_status status);
PINNATE_API const char *pinnate_last_error(void);
PINNATE_API const char *pinnate_version(void);
PINNATE_API const char *pinnate_platform(void);
typedef uint64_t pinnate_ticket;
typedef struct pinnate_bytes {
  const void *data;
  size_t size;
} pinnate_bytes;
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
typedef void (*pinnate_log_fn)(void *arg, pinnate_log_level level, const char *message);
typedef struct pinnate_tier_options {
  size_t size;
  struct uv_loop_s *uv_loop;
  const char *fleet;
  const char *id;
  const pinnate_label *const *labels;
  size_t label_count;
  pinnate_log_fn log;
  void *log_arg;
  pinnate_log_level log_level;
  uint32_t heartbeat_ms;
  uint32_t backoff_min_ms;
  uint32_t backoff_max_ms;
  size_t link_limit_bytes;
  pinnate_loop *loop;
  uint32_t folder_wait_ms;
} pinnate_tier_options;
#define PINNATE_TIER_OPTIONS_INIT \
  { sizeof(pinnate_tier_options), NULL, NULL, NULL, NULL, 0, NULL, NULL, PINNATE_LOG_DEBUG, 0, 0, 0, 0, NULL, 0 }
PINNATE_API void pinnate_tier_options_init(pinnate_tier_options *options, size_t size);
typedef void (*pinnate_closed_fn)(void *arg);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_FLEET_H
#define PINNATE_FLEET_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct pinnate_artifact {
  size_t size;
  const char *platform;
  const char *path;
  pinnate_bytes bytes;
} pinnate_artifact;
#define PINNATE_ARTIFACT_INIT { sizeof(pinnate_artifact), NULL, NULL, {NULL, 0} }
PINNATE_API void pinnate_artifact_init(pinnate_artifact *artifact, size_t size);
typedef struct pinnate_finding {
  size_t size;
  const char *word;
  int refused;
  const char *text;
} pinnate_finding;
typedef struct pinnate_checked {
  size_t size;
  const char *platform;
  const char *c_library;
  const char *c_library_version;
  uint32_t module_abi;
  uint32_t module_flags;
  const pinnate_finding *const *findings;
  size_t finding_count;
} pinnate_checked;
typedef void (*pinnate_checked_fn)(void *arg, const pinnate_checked *checked);
PINNATE_API pinnate_status pinnate_check_artifact(const pinnate_artifact *artifact, pinnate_checked_fn on_checked,
                                                  void *arg);
typedef struct pinnate_publish {
  size_t size;
  const char *name;
  const char *version;
  const char *loader;
  const pinnate_artifact *const *artifacts;
  size_t artifact_count;
  pinnate_bytes config;
  const char *selector;
  uint32_t load_limit_ms;
  uint32_t create_limit_ms;
  uint32_t health_limit_ms;
  uint32_t call_limit_ms;
  uint32_t drain_limit_ms;
  pinnate_ticket *ticket;
  int keep_older;
  const char *allow;
  int stop_first;
} pinnate_publish;
#define PINNATE_PUBLISH_INIT \
  { sizeof(pinnate_publish), NULL, NULL, NULL, NULL, 0, {NULL, 0}, NULL, 0, 0, 0, 0, 0, NULL, 0, NULL, 0 }
PINNATE_API void pinnate_publish_init(pinnate_publish *publish, size_t size);
typedef struct pinnate_published {
  size_t size;
  uint64_t release;
  uint64_t epoch;
  uint64_t revision;
  int created;
  uint32_t prepare_us;
  uint32_t durable_us;
} pinnate_published;
#define PINNATE_PUBLISHED_INIT { sizeof(pinnate_published), 0, 0, 0, 0, 0, 0 }
PINNATE_API void pinnate_published_init(pinnate_published *published, size_t size);
typedef void (*pinnate_published_fn)(void *arg, pinnate_status status, const char *error,
                                     const pinnate_published *published);
typedef void (*pinnate_progress_fn)(void *arg, uint64_t done_bytes, uint64_t total_bytes);
typedef void (*pinnate_done_fn)(void *arg, pinnate_status status, const char *error);
typedef struct pinnate_release {
  size_t size;
  uint64_t number;
  const char *name;
  const char *version;
  const char *selector;
  const char *manifest;
  const char *platforms;
  uint64_t artifact_bytes;
  int64_t decided_unix_ms;
  int current;
  const char *ended;
} pinnate_release;
typedef void (*pinnate_releases_fn)(void *arg, pinnate_status status, const char *error,
                                    const pinnate_release *const *releases, size_t count);
typedef enum pinnate_phase {
  PINNATE_PHASE_PENDING = 0,
  PINNATE_PHASE_FETCHING = 1,
  PINNATE_PHASE_LOADING = 2,
  PINNATE_PHASE_LIVE = 3,
  PINNATE_PHASE_FAILED = 4,
  PINNATE_PHASE_INCOMPATIBLE = 5,
  PINNATE_PHASE_NOT_SELECTED = 6,
  PINNATE_PHASE_OFFLINE = 7,
  PINNATE_PHASE_COUNT = 8
} pinnate_phase;
PINNATE_API const char *pinnate_phase_name(pinnate_phase phase);
typedef struct pinnate_failure {
  size_t size;
  const char *engine;
  const char *reason;
} pinnate_failure;
typedef struct pinnate_release_status {
  size_t size;
  uint64_t number;
  const char *name;
  const char *version;
  int current;
  const uint64_t *phases;
  size_t phase_count;
  uint64_t serving;
  uint64_t serving_offline;
  const pinnate_failure *const *failures;
  size_t failure_count;
} pinnate_release_status;
typedef struct pinnate_rollup {
  size_t size;
  const char *id;
  uint64_t epoch;
  uint64_t revision;
  uint64_t known_engines;
  uint64_t online_engines;
  uint64_t forgotten_engines;
  uint64_t known_gateways;
  uint64_t online_gateways;
  const pinnate_release_status *const *releases;
  size_t release_count;
  const char *const *notices;
  size_t notice_count;
  uint64_t kept_images;
  uint64_t kept_bytes;
} pinnate_rollup;
typedef void (*pinnate_rollup_fn)(void *arg, pinnate_status status, const char *error, const pinnate_rollup *rollup);
typedef enum pinnate_role {
  PINNATE_ROLE_CONTROLLER = 0,
  PINNATE_ROLE_GATEWAY = 1,
  PINNATE_ROLE_ENGINE = 2,
  PINNATE_ROLE_CLIENT = 3
} pinnate_role;
typedef struct pinnate_lookup {
  size_t size;
  const char *at;
  const char *name;
  const char *engine;
  int phase;
  int gateways;
  const char *cursor;
  uint32_t limit;
  uint32_t timeout_ms;
  pinnate_ticket *ticket;
} pinnate_lookup;
#define PINNATE_LOOKUP_INIT { sizeof(pinnate_lookup), NULL, NULL, NULL, 0, 0, NULL, 0, 0, NULL }
PINNATE_API void pinnate_lookup_init(pinnate_lookup *lookup, size_t size);
typedef struct pinnate_service {
  size_t size;
  const char *name;
  const char *version;
  uint64_t release;
  pinnate_phase phase;
  const char *reason;
  int serving;
} pinnate_service;
typedef struct pinnate_kept_image {
  size_t size;
  const char *function;
  const char *version;
  uint64_t bytes;
  uint32_t threads;
  const char *why;
} pinnate_kept_image;
typedef struct pinnate_row {
  size_t size;
  pinnate_role role;
  const char *id;
  const char *path;
  int online;
  const char *platform;
  const pinnate_label *const *labels;
  size_t label_count;
  uint64_t epoch, revision;
  uint64_t known_engines, online_engines;
  const pinnate_service *const *services;
  size_t service_count;
  const char *notice;
  const pinnate_kept_image *const *kept;
  size_t kept_count;
} pinnate_row;
typedef void (*pinnate_rows_fn)(void *arg, pinnate_status status, const char *error, const pinnate_row *const *rows,
                                 size_t count, const char *next);
typedef enum pinnate_member_state {
  PINNATE_MEMBER_UNKNOWN = 0,
  PINNATE_MEMBER_LINKED = 1,
  PINNATE_MEMBER_DIALLING = 2,
  PINNATE_MEMBER_WAITING = 3,
  PINNATE_MEMBER_REFUSED = 4,
  PINNATE_MEMBER_ELSEWHERE = 5,
  PINNATE_MEMBER_ENDING = 6,
  PINNATE_MEMBER_SOURCE = 7,
  PINNATE_MEMBER_STALE_SOURCE = 8,
  PINNATE_MEMBER_STATE_COUNT = 9
} pinnate_member_state;
PINNATE_API const char *pinnate_member_state_name(pinnate_member_state state);
typedef struct pinnate_member {
  size_t size;
  pinnate_member_state state;
  const char *path;
  const char *address;
  const char *id;
  const char *const *sources;
  size_t source_count;
  uint64_t named;
  int terminating;
  const char *why;
  uint64_t since_unix_ms;
} pinnate_member;
typedef void (*pinnate_members_fn)(void *arg, pinnate_status status, const char *error,
                                   const pinnate_member *const *members, size_t count, const char *next);
typedef struct pinnate_header {
  size_t size;
  const char *key;
  const char *value;
} pinnate_header;
#define PINNATE_HEADER_INIT { sizeof(pinnate_header), NULL, NULL }
PINNATE_API void pinnate_header_init(pinnate_header *header, size_t size);
typedef struct pinnate_call {
  size_t size;
  const char *name;
  pinnate_bytes payload;
  const char *engine;
  uint32_t timeout_ms;
  int idempotent;
  const pinnate_header *const *headers;
  size_t header_count;
  pinnate_ticket *ticket;
} pinnate_call;
#define PINNATE_CALL_INIT { sizeof(pinnate_call), NULL, {NULL, 0}, NULL, 0, 0, NULL, 0, NULL }
PINNATE_API void pinnate_call_init(pinnate_call *call, size_t size);
typedef void (*pinnate_result_fn)(void *arg, pinnate_status status, const char *error, pinnate_bytes result);
PINNATE_API void pinnate_result_free(void *result);
typedef enum pinnate_link_state {
  PINNATE_LINK_CONNECTING = 0,
  PINNATE_LINK_UP = 1,
  PINNATE_LINK_DOWN = 2
} pinnate_link_state;
typedef struct pinnate_link {
  size_t size;
  pinnate_ticket dial;
  pinnate_link_state state;
  const char *address;
  int upstream;
  const char *id;
  pinnate_role role;
  pinnate_status status;
  const char *why;
  uint32_t next_try_ms;
} pinnate_link;
typedef void (*pinnate_link_fn)(void *arg, const pinnate_link *link);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_MODULE_H
#define PINNATE_MODULE_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define PINNATE_MODULE_ABI 1
typedef struct pinnate_reply pinnate_reply;
typedef struct pinnate_host {
  size_t size;
  void *context;
  void (*log)(void *context, int level, const char *message);
  void *(*allocate)(void *context, size_t size_bytes);
  void (*release)(void *context, void *memory);
  uint32_t (*remaining_ms)(const pinnate_reply *reply);
  void (*answer)(pinnate_reply *reply, const void *data, size_t size_bytes);
  void (*fail)(pinnate_reply *reply, const char *reason);
  int (*cancelled)(const pinnate_reply *reply);
  const char *(*header)(const pinnate_reply *reply, const char *key);
  int (*header_at)(const pinnate_reply *reply, size_t index, const char **key, const char **value);
} pinnate_host;
#define PINNATE_CALLS_MAY_OVERLAP 1u
#define PINNATE_ONE_AT_A_TIME 2u
#define PINNATE_STAYS_LOADED 4u
#define PINNATE_CLEANS_UP 8u
typedef struct pinnate_descriptor {
  size_t size;
  uint32_t abi;
  uint32_t flags;
  int (*create)(const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                size_t error_bytes);
  void (*call)(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes);
  int (*check_health)(void *service, char *error, size_t error_bytes);
  void (*destroy)(void *service);
} pinnate_descriptor;
extern __attribute__((visibility("default"))) const pinnate_descriptor pinnate_module;
#ifdef __cplusplus
}
#endif
#if defined(__cplusplus) && !defined(PINNATE_BUILDING) && !defined(PINNATE_LOADER_H)
#include <unwind.h>
__attribute__((constructor)) static void pinnate_use_unwinder() {
  _Unwind_Backtrace([](_Unwind_Context *, void *) { return _URC_NORMAL_STOP; }, nullptr);
}
#endif
#endif

#ifndef PINNATE_LOADER_H
#define PINNATE_LOADER_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct pinnate_image {
  size_t size;
  const char *name;
  const char *version;
  const char *digest;
  int fd;
  const char *fd_path;
  const void *data;
  uint64_t size_bytes;
} pinnate_image;
typedef struct pinnate_loader {
  size_t size;
  const char *kind;
  uint32_t flags;
  void *self;
  int (*load)(void *self, const pinnate_image *image, void **module, char *error, size_t error_bytes);
  int (*create)(void *module, const pinnate_host *host, const void *config, size_t config_bytes, void **service,
                char *error, size_t error_bytes);
  void (*call)(void *module, void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes);
  int (*check_health)(void *module, void *service, char *error, size_t error_bytes);
  void (*destroy)(void *module, void *service);
  void (*unload)(void *module);
} pinnate_loader;
#define PINNATE_LOADER_INIT { sizeof(pinnate_loader), NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL }
PINNATE_API void pinnate_loader_init(pinnate_loader *loader, size_t size);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_CLIENT_H
#define PINNATE_CLIENT_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct pinnate_client pinnate_client;
typedef struct pinnate_client_options {
  size_t size;
  pinnate_tier_options tier;
  const char *to;
  uint32_t connect_timeout_ms;
} pinnate_client_options;
#define PINNATE_CLIENT_OPTIONS_INIT { sizeof(pinnate_client_options), PINNATE_TIER_OPTIONS_INIT, NULL, 0 }
PINNATE_API void pinnate_client_options_init(pinnate_client_options *options, size_t size, size_t tier_size);
PINNATE_API pinnate_status pinnate_client_open(const pinnate_client_options *options, pinnate_client **client);
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
PINNATE_API pinnate_status pinnate_client_members(pinnate_client *client, const pinnate_lookup *lookup,
                                                  pinnate_members_fn on_members, void *arg);
PINNATE_API pinnate_status pinnate_client_members_wait(pinnate_client *client, const pinnate_lookup *lookup,
                                                       pinnate_members_fn on_members, void *arg, char *error,
                                                       size_t error_bytes);
PINNATE_API pinnate_status pinnate_client_call(pinnate_client *client, const pinnate_call *call,
                                               pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_client_call_wait(pinnate_client *client, const pinnate_call *call, void **result,
                                                    size_t *result_size, char *error, size_t error_bytes);
PINNATE_API const char *pinnate_client_id(const pinnate_client *client);
PINNATE_API pinnate_status pinnate_client_watch_links(pinnate_client *client, pinnate_link_fn on_link, void *arg,
                                                      pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_client_reload(pinnate_client *client, const pinnate_tier_options *tier);
PINNATE_API pinnate_status pinnate_client_cancel(pinnate_client *client, pinnate_ticket ticket);
PINNATE_API pinnate_status pinnate_client_close(pinnate_client *client, pinnate_closed_fn on_closed, void *arg);
PINNATE_API pinnate_status pinnate_client_close_wait(pinnate_client *client);
PINNATE_API void pinnate_client_free(pinnate_client *client);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_CONTROLLER_H
#define PINNATE_CONTROLLER_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct pinnate_controller pinnate_controller;
typedef struct pinnate_controller_options {
  size_t size;
  pinnate_tier_options tier;
  const char *state_dir;
  uint64_t artifact_limit_bytes;
  uint32_t forget_after_ms;
} pinnate_controller_options;
#define PINNATE_CONTROLLER_OPTIONS_INIT { sizeof(pinnate_controller_options), PINNATE_TIER_OPTIONS_INIT, NULL, 0, 0 }
PINNATE_API void pinnate_controller_options_init(pinnate_controller_options *options, size_t size, size_t tier_size);
PINNATE_API pinnate_status pinnate_controller_open(const pinnate_controller_options *options,
                                                   pinnate_controller **controller);
PINNATE_API pinnate_status pinnate_controller_listen(pinnate_controller *controller, const char *address, char *bound,
                                                     size_t bound_size, pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_controller_dial(pinnate_controller *controller, const char *address,
                                                   pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_controller_publish(pinnate_controller *controller, const pinnate_publish *publish,
                                                      pinnate_progress_fn on_progress,
                                                      pinnate_published_fn on_published, void *arg);
PINNATE_API pinnate_status pinnate_controller_publish_wait(pinnate_controller *controller,
                                                           const pinnate_publish *publish,
                                                           pinnate_published *published, char *error,
                                                           size_t error_bytes);
PINNATE_API pinnate_status pinnate_controller_unpublish(pinnate_controller *controller, const char *name,
                                                        uint64_t release, pinnate_done_fn on_done, void *arg);
PINNATE_API pinnate_status pinnate_controller_unpublish_wait(pinnate_controller *controller, const char *name,
                                                             uint64_t release, char *error, size_t error_bytes);
PINNATE_API pinnate_status pinnate_controller_releases(pinnate_controller *controller, const char *name,
                                                       pinnate_releases_fn on_releases, void *arg);
PINNATE_API pinnate_status pinnate_controller_releases_wait(pinnate_controller *controller, const char *name,
                                                            pinnate_releases_fn on_releases, void *arg, char *error,
                                                            size_t error_bytes);
PINNATE_API pinnate_status pinnate_controller_status(pinnate_controller *controller, const char *name,
                                                     pinnate_rollup_fn on_rollup, void *arg);
PINNATE_API pinnate_status pinnate_controller_status_wait(pinnate_controller *controller, const char *name,
                                                          pinnate_rollup_fn on_rollup, void *arg, char *error,
                                                          size_t error_bytes);
PINNATE_API pinnate_status pinnate_controller_watch(pinnate_controller *controller, pinnate_rollup_fn on_rollup,
                                                    void *arg, pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_controller_when_live(pinnate_controller *controller, uint64_t release, uint64_t engines,
                                                        uint32_t timeout_ms, pinnate_done_fn on_done, void *arg,
                                                        pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_controller_when_live_wait(pinnate_controller *controller, uint64_t release, uint64_t engines,
                                                             uint32_t timeout_ms, char *error, size_t error_bytes);
PINNATE_API pinnate_status pinnate_controller_lookup(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                     pinnate_rows_fn on_rows, void *arg);
PINNATE_API pinnate_status pinnate_controller_lookup_wait(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                          pinnate_rows_fn on_rows, void *arg, char *error,
                                                          size_t error_bytes);
PINNATE_API pinnate_status pinnate_controller_members(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                      pinnate_members_fn on_members, void *arg);
PINNATE_API pinnate_status pinnate_controller_members_wait(pinnate_controller *controller, const pinnate_lookup *lookup,
                                                           pinnate_members_fn on_members, void *arg, char *error,
                                                           size_t error_bytes);
PINNATE_API pinnate_status pinnate_controller_call(pinnate_controller *controller, const pinnate_call *call,
                                                   pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_controller_call_wait(pinnate_controller *controller, const pinnate_call *call,
                                                        void **result, size_t *result_size, char *error,
                                                        size_t error_bytes);
PINNATE_API const char *pinnate_controller_id(const pinnate_controller *controller);
PINNATE_API pinnate_status pinnate_controller_watch_links(pinnate_controller *controller, pinnate_link_fn on_link,
                                                          void *arg,
                                                          pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_controller_reload(pinnate_controller *controller, const pinnate_tier_options *tier);
PINNATE_API pinnate_status pinnate_controller_cancel(pinnate_controller *controller, pinnate_ticket ticket);
PINNATE_API pinnate_status pinnate_controller_close(pinnate_controller *controller, pinnate_closed_fn on_closed,
                                                    void *arg);
PINNATE_API pinnate_status pinnate_controller_close_wait(pinnate_controller *controller);
PINNATE_API void pinnate_controller_free(pinnate_controller *controller);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_ENGINE_H
#define PINNATE_ENGINE_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct pinnate_engine pinnate_engine;
typedef struct pinnate_engine_options {
  size_t size;
  pinnate_tier_options tier;
  const char *state_dir;
  const char *platform;
  uint32_t worker_threads;
  uint32_t queued_calls;
  uint32_t close_limit_ms;
  const pinnate_loader *const *loaders;
  size_t loader_count;
  const char *instance;
  int ephemeral;
  uint64_t kept_bytes_limit;
  uint32_t kept_images_limit;
} pinnate_engine_options;
#define PINNATE_ENGINE_OPTIONS_INIT \
  { sizeof(pinnate_engine_options), PINNATE_TIER_OPTIONS_INIT, NULL, NULL, 0, 0, 0, NULL, 0, NULL, 0, 0, 0 }
PINNATE_API void pinnate_engine_options_init(pinnate_engine_options *options, size_t size, size_t tier_size);
PINNATE_API pinnate_status pinnate_engine_open(const pinnate_engine_options *options, pinnate_engine **engine);
PINNATE_API pinnate_status pinnate_engine_add_loader(pinnate_engine *engine, const pinnate_loader *loader);
PINNATE_API pinnate_status pinnate_engine_dial_upstream(pinnate_engine *engine, const char *address,
                                                        pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_engine_listen(pinnate_engine *engine, const char *address, char *bound,
                                                 size_t bound_size, pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_engine_call_wait(pinnate_engine *engine, const pinnate_call *call, void **result,
                                                    size_t *result_size, char *error, size_t error_bytes);
PINNATE_API pinnate_status pinnate_engine_call_into(pinnate_engine *engine, const pinnate_call *call, void *result,
                                                    size_t room_bytes, size_t *result_bytes, char *error,
                                                    size_t error_bytes);
PINNATE_API pinnate_status pinnate_engine_try_call(pinnate_engine *engine, const pinnate_call *call, void *result,
                                                   size_t room_bytes, size_t *result_bytes, char *error,
                                                   size_t error_bytes);
typedef struct pinnate_function pinnate_function;
PINNATE_API pinnate_status pinnate_engine_function(pinnate_engine *engine, const char *name,
                                                   pinnate_function **function);
PINNATE_API pinnate_status pinnate_function_call(pinnate_function *function, pinnate_bytes payload,
                                                 uint32_t timeout_ms, void *result, size_t room_bytes,
                                                 size_t *result_bytes, char *error, size_t error_bytes);
PINNATE_API void pinnate_function_free(pinnate_function *function);
PINNATE_API pinnate_status pinnate_engine_call(pinnate_engine *engine, const pinnate_call *call,
                                               pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_engine_services(pinnate_engine *engine, pinnate_rows_fn on_rows, void *arg);
PINNATE_API pinnate_status pinnate_engine_services_wait(pinnate_engine *engine, pinnate_rows_fn on_rows, void *arg,
                                                        char *error, size_t error_bytes);
PINNATE_API pinnate_status pinnate_engine_when_serving(pinnate_engine *engine, const char *name, uint32_t timeout_ms,
                                                       pinnate_done_fn on_done, void *arg, pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_engine_when_serving_wait(pinnate_engine *engine, const char *name,
                                                            uint32_t timeout_ms, char *error, size_t error_bytes);
typedef void (*pinnate_service_fn)(void *arg, const pinnate_service *service);
PINNATE_API pinnate_status pinnate_engine_watch(pinnate_engine *engine, pinnate_service_fn on_service, void *arg,
                                                pinnate_ticket *ticket);
PINNATE_API const char *pinnate_engine_id(const pinnate_engine *engine);
PINNATE_API pinnate_status pinnate_engine_watch_links(pinnate_engine *engine, pinnate_link_fn on_link, void *arg,
                                                      pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_engine_reload(pinnate_engine *engine, const pinnate_tier_options *tier);
PINNATE_API pinnate_status pinnate_engine_cancel(pinnate_engine *engine, pinnate_ticket ticket);
PINNATE_API pinnate_status pinnate_engine_close(pinnate_engine *engine, pinnate_closed_fn on_closed, void *arg);
PINNATE_API pinnate_status pinnate_engine_close_wait(pinnate_engine *engine);
PINNATE_API void pinnate_engine_free(pinnate_engine *engine);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_GATEWAY_H
#define PINNATE_GATEWAY_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct pinnate_gateway pinnate_gateway;
typedef struct pinnate_gateway_options {
  size_t size;
  pinnate_tier_options tier;
  const char *cache_dir;
  uint64_t cache_limit_bytes;
  uint32_t forget_after_ms;
} pinnate_gateway_options;
#define PINNATE_GATEWAY_OPTIONS_INIT { sizeof(pinnate_gateway_options), PINNATE_TIER_OPTIONS_INIT, NULL, 0, 0 }
PINNATE_API void pinnate_gateway_options_init(pinnate_gateway_options *options, size_t size, size_t tier_size);
PINNATE_API pinnate_status pinnate_gateway_open(const pinnate_gateway_options *options, pinnate_gateway **gateway);
PINNATE_API pinnate_status pinnate_gateway_dial_upstream(pinnate_gateway *gateway, const char *address,
                                                         pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_gateway_listen(pinnate_gateway *gateway, const char *address, char *bound,
                                                  size_t bound_size, pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_gateway_dial_downstream(pinnate_gateway *gateway, const char *address,
                                                           pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_gateway_set_members(pinnate_gateway *gateway, const char *source,
                                                       const char *const *addresses, size_t count);
PINNATE_API pinnate_status pinnate_gateway_add_source(pinnate_gateway *gateway, const char *uri,
                                                      pinnate_ticket *ticket);
typedef struct pinnate_member_counts {
  size_t size;
  uint64_t sources, stale_sources;
  uint64_t linked, dialling, waiting, refused, elsewhere, ending;
  uint64_t registered;
  uint64_t dials_total;
  uint64_t failed_dials_total;
  uint64_t refused_dials_total;
} pinnate_member_counts;
#define PINNATE_MEMBER_COUNTS_INIT { sizeof(pinnate_member_counts), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
PINNATE_API void pinnate_member_counts_init(pinnate_member_counts *counts, size_t size);
PINNATE_API pinnate_status pinnate_gateway_member_counts(pinnate_gateway *gateway, pinnate_member_counts *counts);
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
PINNATE_API pinnate_status pinnate_gateway_members(pinnate_gateway *gateway, const pinnate_lookup *lookup,
                                                   pinnate_members_fn on_members, void *arg);
PINNATE_API pinnate_status pinnate_gateway_members_wait(pinnate_gateway *gateway, const pinnate_lookup *lookup,
                                                        pinnate_members_fn on_members, void *arg, char *error,
                                                        size_t error_bytes);
PINNATE_API pinnate_status pinnate_gateway_call(pinnate_gateway *gateway, const pinnate_call *call,
                                                pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_gateway_call_wait(pinnate_gateway *gateway, const pinnate_call *call, void **result,
                                                     size_t *result_size, char *error, size_t error_bytes);
PINNATE_API const char *pinnate_gateway_id(const pinnate_gateway *gateway);
PINNATE_API pinnate_status pinnate_gateway_watch_links(pinnate_gateway *gateway, pinnate_link_fn on_link, void *arg,
                                                       pinnate_ticket *ticket);
PINNATE_API pinnate_status pinnate_gateway_reload(pinnate_gateway *gateway, const pinnate_tier_options *tier);
PINNATE_API pinnate_status pinnate_gateway_cancel(pinnate_gateway *gateway, pinnate_ticket ticket);
PINNATE_API pinnate_status pinnate_gateway_close(pinnate_gateway *gateway, pinnate_closed_fn on_closed, void *arg);
PINNATE_API pinnate_status pinnate_gateway_close_wait(pinnate_gateway *gateway);
PINNATE_API void pinnate_gateway_free(pinnate_gateway *gateway);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_LOOP_H
#define PINNATE_LOOP_H
#ifdef __cplusplus
extern "C" {
#endif
PINNATE_API pinnate_status pinnate_loop_new(pinnate_loop **loop);
PINNATE_API int pinnate_loop_fd(const pinnate_loop *loop);
PINNATE_API int pinnate_loop_timeout_ms(const pinnate_loop *loop);
PINNATE_API pinnate_status pinnate_loop_dispatch(pinnate_loop *loop);
PINNATE_API pinnate_status pinnate_loop_free(pinnate_loop *loop);
#ifdef __cplusplus
}
#endif
#endif

#ifndef PINNATE_TESTING_H
#define PINNATE_TESTING_H
#ifdef __cplusplus
extern "C" {
#endif
typedef struct pinnate_testing_fleet pinnate_testing_fleet;
typedef struct pinnate_testing_tier {
  size_t size;
  const char *name;
  const char *parent;
  pinnate_role role;
  uint32_t index;
  const pinnate_label *const *labels;
  size_t label_count;
  const char *platform;
  int durable;
  uint32_t latency_us;
} pinnate_testing_tier;
typedef void (*pinnate_testing_describe_fn)(void *arg, pinnate_testing_tier *tier);
typedef struct pinnate_testing_options {
  size_t size;
  uint64_t seed;
  uint32_t sites;
  uint32_t clusters;
  uint32_t engines;
  uint32_t depth;
  int durable;
  const char *platform;
  uint32_t latency_min_us;
  uint32_t latency_max_us;
  uint32_t heartbeat_ms;
  uint32_t backoff_min_ms;
  uint32_t backoff_max_ms;
  uint32_t forget_after_ms;
  pinnate_testing_describe_fn describe;
  void *describe_arg;
  pinnate_log_fn log;
  void *log_arg;
  pinnate_log_level log_level;
} pinnate_testing_options;
#define PINNATE_TESTING_OPTIONS_INIT \
  { sizeof(pinnate_testing_options), 0, 0, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, PINNATE_LOG_DEBUG }
PINNATE_API void pinnate_testing_options_init(pinnate_testing_options *options, size_t size);
PINNATE_API pinnate_status pinnate_testing_open(const pinnate_testing_options *options, pinnate_testing_fleet **fleet);
PINNATE_API pinnate_status pinnate_testing_tiers(const pinnate_testing_fleet *fleet,
                                                 const pinnate_testing_tier *const **tiers, size_t *count);
PINNATE_API pinnate_status pinnate_testing_add_loader(pinnate_testing_fleet *fleet, const pinnate_loader *loader);
PINNATE_API pinnate_status pinnate_testing_now(const pinnate_testing_fleet *fleet, uint64_t *now_ms);
PINNATE_API pinnate_status pinnate_testing_advance(pinnate_testing_fleet *fleet, uint64_t ms);
typedef int (*pinnate_testing_condition_fn)(void *arg);
PINNATE_API pinnate_status pinnate_testing_run_until(pinnate_testing_fleet *fleet,
                                                     pinnate_testing_condition_fn condition, void *arg,
                                                     uint64_t limit_ms);
PINNATE_API pinnate_status pinnate_testing_wait_online(pinnate_testing_fleet *fleet, uint64_t limit_ms);
PINNATE_API pinnate_status pinnate_testing_wait_live(pinnate_testing_fleet *fleet, uint64_t release, uint64_t engines,
                                                     uint64_t limit_ms);
PINNATE_API pinnate_status pinnate_testing_publish(pinnate_testing_fleet *fleet, const pinnate_publish *publish,
                                                   pinnate_published *published);
PINNATE_API pinnate_status pinnate_testing_unpublish(pinnate_testing_fleet *fleet, const char *name, uint64_t release);
PINNATE_API pinnate_status pinnate_testing_call(pinnate_testing_fleet *fleet, const char *tier,
                                                const pinnate_call *call, pinnate_bytes *result);
PINNATE_API pinnate_status pinnate_testing_begin_call(pinnate_testing_fleet *fleet, const char *tier,
                                                      const pinnate_call *call, pinnate_result_fn on_result, void *arg);
PINNATE_API pinnate_status pinnate_testing_status(pinnate_testing_fleet *fleet, const char *tier, const char *name,
                                                  const pinnate_rollup **rollup);
PINNATE_API pinnate_status pinnate_testing_lookup(pinnate_testing_fleet *fleet, const char *tier,
                                                  const pinnate_lookup *lookup, const pinnate_row *const **rows,
                                                  size_t *count, const char **next);
PINNATE_API pinnate_status pinnate_testing_engine(pinnate_testing_fleet *fleet, const char *engine,
                                                  const pinnate_row **row);
PINNATE_API pinnate_status pinnate_testing_version_on(const pinnate_testing_fleet *fleet, const char *engine,
                                                      const char *function, const char **version);
PINNATE_API pinnate_status pinnate_testing_count(const pinnate_testing_fleet *fleet, const char *function,
                                                 const char *version, uint64_t *engines);
PINNATE_API pinnate_status pinnate_testing_is_up(const pinnate_testing_fleet *fleet, const char *tier, int *up,
                                                 uint32_t *lives);
PINNATE_API pinnate_status pinnate_testing_cut(pinnate_testing_fleet *fleet, const char *a, const char *b);
PINNATE_API pinnate_status pinnate_testing_partition(pinnate_testing_fleet *fleet, const char *tier);
PINNATE_API pinnate_status pinnate_testing_heal(pinnate_testing_fleet *fleet);
PINNATE_API pinnate_status pinnate_testing_kill(pinnate_testing_fleet *fleet, const char *tier);
PINNATE_API pinnate_status pinnate_testing_lose_power(pinnate_testing_fleet *fleet, const char *tier);
PINNATE_API pinnate_status pinnate_testing_stop(pinnate_testing_fleet *fleet, const char *tier);
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
  PINNATE_TESTING_FAILS = 0,
  PINNATE_TESTING_HANGS = 1,
  PINNATE_TESTING_KILLS = 2,
  PINNATE_TESTING_SLOW = 3,
  PINNATE_TESTING_FATE_COUNT = 4
} pinnate_testing_fate;
typedef struct pinnate_testing_fault {
  size_t size;
  const char *name;
  const char *version;
  pinnate_testing_step step;
  pinnate_testing_fate fate;
  uint32_t first_times;
  uint32_t takes_ms;
  const char *engine;
  const char *reason;
} pinnate_testing_fault;
#define PINNATE_TESTING_FAULT_INIT \
  { sizeof(pinnate_testing_fault), NULL, NULL, PINNATE_TESTING_LOAD, PINNATE_TESTING_FAILS, 0, 0, NULL, NULL }
PINNATE_API void pinnate_testing_fault_init(pinnate_testing_fault *fault, size_t size);
PINNATE_API pinnate_status pinnate_testing_inject(pinnate_testing_fleet *fleet, const pinnate_testing_fault *fault);
PINNATE_API pinnate_status pinnate_testing_cure(pinnate_testing_fleet *fleet, const char *name, const char *version);
PINNATE_API pinnate_status pinnate_testing_close(pinnate_testing_fleet *fleet);
#ifdef __cplusplus
}
#endif
#endif
