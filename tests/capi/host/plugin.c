/* A host that comes and goes: an object that embeds an engine, with callbacks, a log hook and a loader
 * of its own, and is unloaded as soon as close_wait has returned. Its callbacks take their time. */
#include <pinnate/engine.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned random_state;
static void delay(void) { /* so that close_wait begins at each step of a callback */
  const unsigned random = __atomic_add_fetch(&random_state, 2654435769u, __ATOMIC_RELAXED);
  usleep(random >> 16 & 0x1ff); /* time itself is under test: no event may choose the moment */
}

static void on_log(void *arg, pinnate_log_level level, const char *message) {
  (void)arg, (void)level, (void)message;
  delay();
}

static int load(void *self, const pinnate_image *image, void **module, char *error, size_t error_bytes) {
  (void)self, (void)image, (void)error, (void)error_bytes;
  delay();
  *module = &random_state;
  return 0;
}
static int create(void *module, const pinnate_host *host, const void *config, size_t config_bytes, void **service,
                  char *error, size_t error_bytes) {
  (void)module, (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  delay();
  *service = (void *)host;
  return 0;
}
static void call(void *module, void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  (void)module;
  ((const pinnate_host *)service)->answer(reply, payload, payload_bytes);
}
static void destroy(void *module, void *service) {
  (void)module, (void)service;
  delay();
}
static void unload(void *module) {
  (void)module;
  delay();
}

static void on_service(void *arg, const pinnate_service *service) {
  (void)arg, (void)service;
  delay();
}
static void on_link(void *arg, const pinnate_link *link) {
  (void)arg, (void)link;
  delay();
}
static void on_result(void *arg, pinnate_status status, const char *error, pinnate_bytes result) {
  (void)arg, (void)status, (void)error, (void)result;
  delay();
}

/* One life. `calls`: it stays until it serves, and calls; else it goes in the middle of coming. */
__attribute__((visibility("default"))) int plugin_live(const char *upstream, unsigned seed, int calls) {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_loader loader = {sizeof loader, "greeting", 0, NULL, load, create, call, NULL, destroy, unload};
  const pinnate_loader *loaders = &loader;
  pinnate_call order = PINNATE_CALL_INIT;
  pinnate_engine *engine;
  char result[8];
  size_t result_bytes;
  int wrong = 0;
  __atomic_store_n(&random_state, seed, __ATOMIC_RELAXED);
  options.tier.log = on_log;
  options.loaders = &loaders;
  options.loader_count = 1;
  options.ephemeral = 1;
  if (pinnate_engine_open(&options, &engine) != PINNATE_OK) return 100;
  wrong += pinnate_engine_watch(engine, on_service, NULL, NULL) != PINNATE_OK;
  wrong += pinnate_engine_watch_links(engine, on_link, NULL, NULL) != PINNATE_OK;
  wrong += pinnate_engine_dial_upstream(engine, upstream, NULL) != PINNATE_OK;
  order.name = "greet";
  order.payload.data = "hello";
  order.payload.size = 5;
  if (calls) {
    wrong += pinnate_engine_when_serving_wait(engine, "greet", 20000, NULL, 0) != PINNATE_OK;
    wrong += pinnate_engine_call_into(engine, &order, result, sizeof result, &result_bytes, NULL, 0) != PINNATE_OK;
    wrong += result_bytes != 5 || memcmp(result, "hello", 5) != 0;
  }
  wrong += pinnate_engine_call(engine, &order, on_result, NULL) != PINNATE_OK;
  wrong += pinnate_engine_close_wait(engine) != PINNATE_OK;
  wrong += pinnate_engine_call(engine, &order, on_result, NULL) != PINNATE_CLOSED;
  pinnate_engine_free(engine);
  return wrong;
}
