/* A host that was built with the header of an older version, and runs with the library of this one.
 * Its structs are as large as that version knew them. Prints nothing when all is well. */
#include "pinnate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
#define EXPECT(what) \
  do { \
    if (!(what)) failures++, fprintf(stderr, "line %d: %s: %s\n", __LINE__, #what, pinnate_last_error()); \
  } while (0)

static int load(void *self, const pinnate_image *image, void **module, char *error, size_t error_bytes) {
  (void)self, (void)error, (void)error_bytes;
  EXPECT(image->size >= sizeof *image && image->size_bytes == 1 && strcmp(image->name, "greet") == 0);
  *module = &failures;
  return 0;
}
static int create(void *module, const pinnate_host *host, const void *config, size_t config_bytes, void **service,
                  char *error, size_t error_bytes) {
  (void)module, (void)error, (void)error_bytes;
  EXPECT(host->size >= sizeof *host && config_bytes == 2 && memcmp(config, "hi", 2) == 0);
  *service = (void *)host;
  return 0;
}
static void call(void *module, void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  const pinnate_host *host = service;
  const char *tenant = host->header(reply, "tenant");
  (void)module;
  EXPECT(tenant && strcmp(tenant, "oslo") == 0 && !host->cancelled(reply) && host->remaining_ms(reply) > 0);
  host->answer(reply, payload, payload_bytes);
}
static void destroy(void *module, void *service) { (void)module, (void)service; }
static void unload(void *module) { (void)module; }

static void on_rollup(void *arg, pinnate_status status, const char *error, const pinnate_rollup *rollup) {
  EXPECT(status == PINNATE_OK && *error == '\0' && rollup->size >= sizeof *rollup && rollup->known_engines == 1);
  EXPECT(rollup->release_count == 1 && rollup->releases[0]->size >= sizeof *rollup->releases[0]);
  EXPECT(rollup->releases[0]->phases[PINNATE_PHASE_LIVE] == 1 && rollup->releases[0]->phase_count >= PINNATE_PHASE_COUNT);
  ++*(int *)arg;
}
static void on_rows(void *arg, pinnate_status status, const char *error, const pinnate_row *const *rows, size_t count,
                    const char *next) {
  EXPECT(status == PINNATE_OK && *error == '\0' && count == 2 && *next == '\0');
  EXPECT(rows[0]->role == PINNATE_ROLE_GATEWAY && strcmp(rows[0]->id, "gate") == 0 && rows[0]->online);
  EXPECT(rows[1]->role == PINNATE_ROLE_ENGINE && rows[1]->service_count == 1 && rows[1]->services[0]->serving);
  EXPECT(rows[1]->label_count == 1 && strcmp(rows[1]->labels[0]->key, "ring") == 0);
  ++*(int *)arg;
}
static void on_result(void *arg, pinnate_status status, const char *error, pinnate_bytes result) {
  (void)error;
  EXPECT(status == PINNATE_OK && result.size == 5 && memcmp(result.data, "hello", 5) == 0);
  __atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}
static void on_service(void *arg, const pinnate_service *service) {
  if (service) EXPECT(service->size >= sizeof *service && strcmp(service->name, "greet") == 0);
  if (!service) __atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}
static void on_link(void *arg, const pinnate_link *link) {
  if (link) EXPECT(link->size >= sizeof *link && link->dial != 0);
  if (!link) __atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}
static void on_log(void *arg, pinnate_log_level level, const char *message) {
  (void)message;
  if (level <= PINNATE_LOG_ERROR) __atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}

int main(int argc, char **argv) {
  pinnate_controller_options above = PINNATE_CONTROLLER_OPTIONS_INIT;
  pinnate_gateway_options between = PINNATE_GATEWAY_OPTIONS_INIT;
  pinnate_engine_options below = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_client_options beside = PINNATE_CLIENT_OPTIONS_INIT;
  pinnate_loader loader = {sizeof loader, "greeting", 0, NULL, load, create, call, NULL, destroy, unload};
  const pinnate_loader *loaders = &loader;
  pinnate_label ring = {sizeof ring, "ring", "one"};
  const pinnate_label *labels = &ring;
  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact *artifacts = &artifact;
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  pinnate_lookup lookup = PINNATE_LOOKUP_INIT;
  pinnate_header tenant = {sizeof tenant, "tenant", "oslo"};
  const pinnate_header *headers = &tenant;
  pinnate_call order = PINNATE_CALL_INIT;
  pinnate_controller *controller = NULL;
  pinnate_gateway *gateway = NULL;
  pinnate_engine *engine = NULL;
  pinnate_client *client = NULL;
  pinnate_function *greet = NULL;
  char top[200], site[200], room[8], error[64];
  void *result = NULL;
  size_t size = 0;
  int told = 0, answered = 0, ended = 0, logged = 0;
  if (argc != 2) return 2;
  above.state_dir = argv[1];
  above.tier.log = on_log;
  above.tier.log_arg = &logged;
  between.tier.id = "gate";
  below.tier.labels = &labels;
  below.tier.label_count = 1;
  below.loaders = &loaders;
  below.loader_count = 1;
  below.ephemeral = 1;
  EXPECT(pinnate_controller_open(&above, &controller) == PINNATE_OK);
  EXPECT(pinnate_controller_listen(controller, "tcp://127.0.0.1:0", top, sizeof top, NULL) == PINNATE_OK);
  EXPECT(pinnate_gateway_open(&between, &gateway) == PINNATE_OK);
  EXPECT(pinnate_gateway_listen(gateway, "tcp://127.0.0.1:0", site, sizeof site, NULL) == PINNATE_OK);
  EXPECT(pinnate_gateway_dial_upstream(gateway, top, NULL) == PINNATE_OK);
  EXPECT(pinnate_engine_open(&below, &engine) == PINNATE_OK);
  EXPECT(pinnate_engine_watch(engine, on_service, &ended, NULL) == PINNATE_OK);
  EXPECT(pinnate_engine_watch_links(engine, on_link, &ended, NULL) == PINNATE_OK);
  EXPECT(pinnate_engine_dial_upstream(engine, site, NULL) == PINNATE_OK);
  beside.to = top;
  EXPECT(pinnate_client_open(&beside, &client) == PINNATE_OK);
  artifact.bytes.data = "x";
  artifact.bytes.size = 1;
  publish.name = "greet";
  publish.version = "1.0.0";
  publish.loader = "greeting";
  publish.selector = "ring=one";
  publish.artifacts = &artifacts;
  publish.artifact_count = 1;
  publish.config.data = "hi";
  publish.config.size = 2;
  EXPECT(pinnate_client_publish_wait(client, &publish, &published, error, sizeof error) == PINNATE_OK);
  EXPECT(published.size == sizeof published && published.release > 0 && published.created);
  EXPECT(pinnate_client_when_live_wait(client, published.release, 1, 20000, error, sizeof error) == PINNATE_OK);
  EXPECT(pinnate_engine_when_serving_wait(engine, "greet", 20000, error, sizeof error) == PINNATE_OK);
  EXPECT(pinnate_controller_status_wait(controller, "greet", on_rollup, &told, error, sizeof error) == PINNATE_OK);
  lookup.gateways = 1;
  EXPECT(pinnate_client_lookup_wait(client, &lookup, on_rows, &told, error, sizeof error) == PINNATE_OK);
  order.name = "greet";
  order.payload.data = "hello";
  order.payload.size = 5;
  order.headers = &headers;
  order.header_count = 1;
  EXPECT(pinnate_client_call(client, &order, on_result, &answered) == PINNATE_OK);
  EXPECT(pinnate_gateway_call_wait(gateway, &order, &result, &size, error, sizeof error) == PINNATE_OK && size == 5);
  pinnate_result_free(result);
  EXPECT(pinnate_engine_call_into(engine, &order, room, sizeof room, &size, error, sizeof error) == PINNATE_OK && size == 5);
  EXPECT(pinnate_engine_function(engine, "greet", &greet) == PINNATE_OK);
  pinnate_function_free(greet);
  EXPECT(pinnate_client_unpublish_wait(client, "greet", published.release, error, sizeof error) == PINNATE_OK);
  EXPECT(pinnate_client_close_wait(client) == PINNATE_OK);
  EXPECT(pinnate_engine_close_wait(engine) == PINNATE_OK);
  EXPECT(pinnate_gateway_close_wait(gateway) == PINNATE_OK);
  EXPECT(pinnate_controller_close_wait(controller) == PINNATE_OK);
  pinnate_client_free(client);
  pinnate_engine_free(engine);
  pinnate_gateway_free(gateway);
  pinnate_controller_free(controller);
  EXPECT(told == 2 && answered == 1 && ended == 2 && logged > 0);
  return failures != 0;
}
