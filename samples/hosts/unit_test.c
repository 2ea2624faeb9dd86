/* A host's unit test: all three tiers in this process, on one loop of its own, over unix:
 * addresses. It publishes a module of the host's own kind, waits until it is live, calls it, and
 * closes everything.
 * Run: build/release/bin/sample-unit-test */
#include <pinnate/controller.h>
#include <pinnate/engine.h>
#include <pinnate/gateway.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* ---- a loader: an artifact of kind "prefix" is a text that is put before each payload -------- */
typedef struct prefix {
  char text[64];
  const pinnate_host *host;
} prefix;

static int prefix_load(void *self, const pinnate_image *image, void **module, char *error, size_t error_bytes) {
  prefix *p = calloc(1, sizeof *p);
  (void)self;
  if (!p || image->size_bytes >= sizeof p->text) return snprintf(error, error_bytes, "no memory, or too long"), free(p), 1;
  memcpy(p->text, image->data, (size_t)image->size_bytes);
  *module = p;
  return 0;
}
static int prefix_create(void *module, const pinnate_host *host, const void *config, size_t config_bytes, void **service,
                         char *error, size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  ((prefix *)module)->host = host;
  *service = module;
  return 0;
}
static void prefix_call(void *module, void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  prefix *p = service;
  char out[256];
  const int n = snprintf(out, sizeof out, "%s%.*s", p->text, (int)payload_bytes, (const char *)payload);
  (void)module;
  p->host->answer(reply, out, (size_t)n);
}
static void prefix_destroy(void *module, void *service) { (void)module, (void)service; }
static void prefix_unload(void *module) { free(module); }

/* ---- the test -------------------------------------------------------------------------------- */
static pinnate_controller *controller;
static pinnate_gateway *gateway;
static pinnate_engine *engine;
static int called, failures, watching = 1;

static void check(pinnate_status status, const char *what) {
  if (status == PINNATE_OK) return;
  fprintf(stderr, "%s: %s\n", what, pinnate_last_error());
  exit(1);
}

static void on_result(void *arg, pinnate_status status, const char *error, pinnate_bytes result) {
  (void)arg;
  if (status != PINNATE_OK || result.size != 11 || memcmp(result.data, "hello world", 11) != 0)
    failures++, fprintf(stderr, "call: %s %.*s\n", error, (int)result.size, (const char *)result.data);
  called = 1;
  pinnate_engine_free(engine); /* closes first; the loop ends when all three are closed */
  pinnate_gateway_free(gateway);
  pinnate_controller_free(controller);
}

static void on_rollup(void *arg, pinnate_status status, const char *error, const pinnate_rollup *rollup) {
  pinnate_call call = PINNATE_CALL_INIT;
  (void)arg, (void)error;
  if (!watching || status != PINNATE_OK || rollup->release_count == 0 || rollup->releases[0]->phases[PINNATE_PHASE_LIVE] != 1) return;
  watching = 0;
  call.name = "greet";
  call.payload.data = "world";
  call.payload.size = 5;
  check(pinnate_controller_call(controller, &call, on_result, NULL), "call");
}

static void on_published(void *arg, pinnate_status status, const char *error, const pinnate_published *published) {
  (void)arg, (void)published;
  if (status != PINNATE_OK) fprintf(stderr, "publish: %s\n", error), exit(1);
}

int main(void) {
  pinnate_controller_options c = PINNATE_CONTROLLER_OPTIONS_INIT;
  pinnate_gateway_options g = PINNATE_GATEWAY_OPTIONS_INIT;
  pinnate_engine_options e = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_publish publish = PINNATE_PUBLISH_INIT;
  const pinnate_artifact artifact = {sizeof artifact, "any", NULL, {"hello ", 6}};
  const pinnate_artifact *const artifacts[] = {&artifact};
  pinnate_loader loader = {sizeof loader, "prefix", 0, NULL, prefix_load, prefix_create, prefix_call, NULL, prefix_destroy, prefix_unload};
  uv_loop_t loop;
  char folder[] = "/tmp/pinnate-unit-test-XXXXXX", top[80], site[80], command[96];

  if (!mkdtemp(folder) || uv_loop_init(&loop) != 0) return 1;
  snprintf(top, sizeof top, "unix:%s/top", folder);
  snprintf(site, sizeof site, "unix:%s/site", folder);
  c.tier.uv_loop = g.tier.uv_loop = e.tier.uv_loop = &loop;
  c.state_dir = folder;
  check(pinnate_controller_open(&c, &controller), "controller");
  check(pinnate_controller_listen(controller, top, NULL, 0, NULL), "controller");
  check(pinnate_gateway_open(&g, &gateway), "gateway");
  check(pinnate_gateway_listen(gateway, site, NULL, 0, NULL), "gateway");
  check(pinnate_gateway_dial_upstream(gateway, top, NULL), "gateway");
  check(pinnate_engine_open(&e, &engine), "engine");
  check(pinnate_engine_add_loader(engine, &loader), "engine");
  check(pinnate_engine_dial_upstream(engine, site, NULL), "engine");

  publish.name = "greet";
  publish.version = "1.0.0";
  publish.loader = "prefix";
  publish.artifacts = artifacts;
  publish.artifact_count = 1;
  check(pinnate_controller_publish(controller, &publish, NULL, on_published, NULL), "publish");
  check(pinnate_controller_watch(controller, on_rollup, NULL, NULL), "watch");
  uv_run(&loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&loop) != 0) failures++, fprintf(stderr, "something of the library is left on the loop\n");
  snprintf(command, sizeof command, "rm -rf %s", folder);
  if (system(command) != 0) failures++;
  puts(called && !failures ? "ok: published, live, called, closed" : "failed");
  return called && !failures ? 0 : 1;
}
