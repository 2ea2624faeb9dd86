/* A host in plain C: controller, gateway and engine on its own loop; publishes, waits for live,
 * calls, withdraws and closes. */
#define _DEFAULT_SOURCE /* mkdtemp */

#include <pinnate/controller.h>
#include <pinnate/engine.h>
#include <pinnate/gateway.h>

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                                                \
  do {                                                                                                   \
    if (!(condition)) {                                                                                  \
      fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition, pinnate_last_error()); \
      exit(1);                                                                                           \
    }                                                                                                    \
  } while (0)

/* ---- a loader: an artifact is a number, and a service adds it to what it is given ---- */

typedef struct number {
  const pinnate_host* host;
  int value;
} number;

static int load_number(void* self, const pinnate_image* image, void** module, char* error, size_t error_bytes) {
  char digits[16] = "";
  number* loaded = malloc(sizeof *loaded);
  (void)self;
  if (!loaded || image->size_bytes >= sizeof digits) {
    snprintf(error, error_bytes, "no number");
    free(loaded);
    return 1;
  }
  memcpy(digits, image->data, (size_t)image->size_bytes);
  loaded->host = NULL;
  loaded->value = atoi(digits);
  *module = loaded;
  return 0;
}

static int create_number(void* module, const pinnate_host* host, const void* config, size_t config_bytes,
                         void** service, char* error, size_t error_bytes) {
  number* made = host->allocate(host->context, sizeof *made);
  (void)config, (void)config_bytes;
  if (!made) {
    snprintf(error, error_bytes, "no memory");
    return 1;
  }
  *made = *(number*)module;
  made->host = host;
  *service = made;
  return 0;
}

static void call_number(void* module, void* service, pinnate_reply* reply, const void* payload, size_t payload_bytes) {
  const number* self = service;
  char text[32] = "";
  (void)module;
  if (payload_bytes >= sizeof text) {
    self->host->fail(reply, "too long");
    return;
  }
  memcpy(text, payload, payload_bytes);
  snprintf(text, sizeof text, "%d", atoi(text) + self->value);
  self->host->answer(reply, text, strlen(text));
}

static void destroy_number(void* module, void* service) {
  number* self = service;
  (void)module;
  self->host->release(self->host->context, self);
}

static void unload_number(void* module) { free(module); }

/* ---- the fleet ---- */

typedef struct fleet {
  pinnate_controller* controller;
  pinnate_gateway* gateway;
  pinnate_engine* engine;
  int called, withdrawn, closed;
} fleet;

static void on_closed(void* arg) { ((fleet*)arg)->closed++; }

static void on_withdrawn(void* arg, pinnate_status status, const char* error) {
  fleet* f = arg;
  (void)error;
  EXPECT(status == PINNATE_OK);
  f->withdrawn = 1;
}

static void on_result(void* arg, pinnate_status status, const char* error, pinnate_bytes result) {
  fleet* f = arg;
  if (status != PINNATE_OK) fprintf(stderr, "call: %s: %s\n", pinnate_status_name(status), error);
  EXPECT(status == PINNATE_OK);
  EXPECT(result.size == 2 && memcmp(result.data, "42", 2) == 0);
  EXPECT(pinnate_controller_unpublish(f->controller, "plus", 0, on_withdrawn, f) == PINNATE_OK);
}

static void on_rollup(void* arg, pinnate_status status, const char* error, const pinnate_rollup* rollup) {
  fleet* f = arg;
  pinnate_call call = PINNATE_CALL_INIT;
  (void)error;
  if (status == PINNATE_CLOSED) return;
  EXPECT(status == PINNATE_OK);
  if (f->withdrawn && rollup->release_count == 0 && f->controller) {
    EXPECT(pinnate_engine_close(f->engine, on_closed, f) == PINNATE_OK);
    EXPECT(pinnate_gateway_close(f->gateway, on_closed, f) == PINNATE_OK);
    EXPECT(pinnate_controller_close(f->controller, on_closed, f) == PINNATE_OK); /* from within its own callback */
    pinnate_engine_free(f->engine);
    pinnate_gateway_free(f->gateway);
    pinnate_controller_free(f->controller);
    f->controller = NULL;
    return;
  }
  if (f->called || rollup->release_count == 0 || rollup->releases[0]->phases[PINNATE_PHASE_LIVE] == 0) return;
  f->called = 1;
  call.name = "plus";
  call.payload.data = "20";
  call.payload.size = 2;
  EXPECT(pinnate_controller_call(f->controller, &call, on_result, f) == PINNATE_OK);
}

static void on_published(void* arg, pinnate_status status, const char* error, const pinnate_published* published) {
  (void)arg, (void)error;
  EXPECT(status == PINNATE_OK);
  EXPECT(published->created);
}

static void publish(fleet* f) {
  const pinnate_artifact artifact = {sizeof artifact, NULL, NULL, {"22", 2}};
  const pinnate_artifact* const artifacts = &artifact;
  pinnate_publish order = PINNATE_PUBLISH_INIT;
  order.name = "plus";
  order.version = "1.0.0";
  order.loader = "number";
  order.artifacts = &artifacts;
  order.artifact_count = 1;
  EXPECT(pinnate_controller_publish_wait(f->controller, &order, NULL, NULL, 0) == PINNATE_WRONG_THREAD);
  EXPECT(pinnate_controller_publish(f->controller, &order, NULL, on_published, f) == PINNATE_OK);
}

static void open_fleet(fleet* f, uv_loop_t* loop, const char* folder) {
  char upper[128], lower[128], state[128];
  pinnate_controller_options controller = PINNATE_CONTROLLER_OPTIONS_INIT;
  pinnate_gateway_options gateway = PINNATE_GATEWAY_OPTIONS_INIT;
  pinnate_engine_options engine = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_loader loader = {sizeof(pinnate_loader),
                           "number",
                           PINNATE_CALLS_MAY_OVERLAP,
                           NULL,
                           load_number,
                           create_number,
                           call_number,
                           NULL,
                           destroy_number,
                           unload_number};
  snprintf(upper, sizeof upper, "unix:%s/upper", folder);
  snprintf(lower, sizeof lower, "unix:%s/lower", folder);
  snprintf(state, sizeof state, "%s/state", folder);
  controller.tier.uv_loop = gateway.tier.uv_loop = engine.tier.uv_loop = loop;
  controller.state_dir = state;
  EXPECT(pinnate_controller_open(&controller, &f->controller) == PINNATE_OK);
  EXPECT(pinnate_gateway_open(&gateway, &f->gateway) == PINNATE_OK);
  EXPECT(pinnate_engine_open(&engine, &f->engine) == PINNATE_OK);
  EXPECT(pinnate_engine_add_loader(f->engine, &loader) == PINNATE_OK);
  EXPECT(pinnate_controller_listen(f->controller, upper, NULL, 0, NULL) == PINNATE_OK);
  EXPECT(pinnate_gateway_listen(f->gateway, lower, NULL, 0, NULL) == PINNATE_OK);
  EXPECT(pinnate_gateway_dial_upstream(f->gateway, upper, NULL) == PINNATE_OK);
  EXPECT(pinnate_engine_dial_upstream(f->engine, lower, NULL) == PINNATE_OK);
  EXPECT(pinnate_controller_watch(f->controller, on_rollup, f, NULL) == PINNATE_OK);
}

static void too_late(uv_timer_t* timer) {
  (void)timer;
  fprintf(stderr, "not done within a minute\n");
  exit(1);
}

int main(int argc, char** argv) {
  char folder[] = "/tmp/pinnate-c-host-XXXXXX";
  char remove_it[64];
  fleet f = {NULL, NULL, NULL, 0, 0, 0};
  uv_loop_t loop;
  uv_timer_t limit;
  (void)argc, (void)argv;

  EXPECT(pinnate_controller_open(NULL, &f.controller) == PINNATE_INVALID);
  EXPECT(strcmp(pinnate_last_error(), "options is NULL") == 0);

  EXPECT(mkdtemp(folder));
  EXPECT(uv_loop_init(&loop) == 0);
  EXPECT(uv_timer_init(&loop, &limit) == 0);
  EXPECT(uv_timer_start(&limit, too_late, 60000, 0) == 0);
  uv_unref((uv_handle_t*)&limit);
  open_fleet(&f, &loop, folder);
  publish(&f);
  EXPECT(uv_run(&loop, UV_RUN_DEFAULT) == 0); /* ends by itself: closed handles leave nothing on the loop */
  EXPECT(f.closed == 3);
  uv_close((uv_handle_t*)&limit, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  EXPECT(uv_loop_close(&loop) == 0);
  snprintf(remove_it, sizeof remove_it, "rm -r %s", folder);
  EXPECT(system(remove_it) == 0);
  return 0;
}
