/* A host's unit test of its own loader against a fleet of a thousand engines, in this process
 * and in virtual time: it publishes, upgrades with a site away, breaks a version on purpose, and
 * asks what is live where.
 * Run: build/release/bin/sample-fleet-test */
#define _POSIX_C_SOURCE 199309L /* clock_gettime */

#include <pinnate/testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the loader to be tested: an artifact of kind "prefix" is a text put before each payload - */
typedef struct prefix {
  char text[64];
  const pinnate_host *host;
} prefix;

static int modules, services; /* how many there are: a host that leaks would see it here */

static int prefix_load(void *self, const pinnate_image *image, void **module, char *error, size_t error_bytes) {
  prefix *p = calloc(1, sizeof *p);
  (void)self;
  if (!p || image->size_bytes >= sizeof p->text) return snprintf(error, error_bytes, "no memory, or too long"), free(p), 1;
  memcpy(p->text, image->data, (size_t)image->size_bytes);
  *module = p;
  modules++;
  return 0;
}
static int prefix_create(void *module, const pinnate_host *host, const void *config, size_t config_bytes, void **service,
                         char *error, size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  ((prefix *)module)->host = host;
  *service = module;
  services++;
  return 0;
}
static void prefix_call(void *module, void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  prefix *p = service;
  char out[256];
  const int n = snprintf(out, sizeof out, "%s%.*s", p->text, (int)payload_bytes, (const char *)payload);
  (void)module;
  p->host->answer(reply, out, (size_t)n);
}
static void prefix_destroy(void *module, void *service) { (void)module, (void)service, services--; }
static void prefix_unload(void *module) { free(module), modules--; }

/* ---- the test -------------------------------------------------------------------------------- */
static pinnate_testing_fleet *fleet;

static void check(int holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "not so: %s (%s)\n", what, pinnate_last_error());
  exit(1);
}
#define CHECK(holds) check((holds), #holds)

/* The first site is the canary. */
static void describe(void *arg, pinnate_testing_tier *tier) {
  static const pinnate_label canary = {sizeof canary, "ring", "canary"};
  static const pinnate_label *const labels[] = {&canary};
  (void)arg;
  if (tier->role == PINNATE_ROLE_GATEWAY && strcmp(tier->name, "s0") == 0) tier->labels = labels, tier->label_count = 1;
}

static uint64_t publish(const char *version, const char *text, const char *selector) {
  pinnate_artifact artifact = PINNATE_ARTIFACT_INIT;
  const pinnate_artifact *const artifacts[] = {&artifact};
  pinnate_publish order = PINNATE_PUBLISH_INIT;
  pinnate_published published = PINNATE_PUBLISHED_INIT;
  artifact.platform = "any";
  artifact.bytes.data = text;
  artifact.bytes.size = strlen(text);
  order.name = "greet";
  order.version = version;
  order.loader = "prefix";
  order.selector = selector;
  order.artifacts = artifacts;
  order.artifact_count = 1;
  CHECK(pinnate_testing_publish(fleet, &order, &published) == PINNATE_OK);
  return published.release;
}

static uint64_t live(const char *version) {
  uint64_t engines;
  CHECK(pinnate_testing_count(fleet, "greet", version, &engines) == PINNATE_OK);
  return engines;
}

int main(void) {
  pinnate_testing_options options = PINNATE_TESTING_OPTIONS_INIT;
  pinnate_testing_fault fault = PINNATE_TESTING_FAULT_INIT;
  pinnate_loader loader = {sizeof loader, "prefix", 0, NULL, prefix_load, prefix_create, prefix_call, NULL, prefix_destroy, prefix_unload};
  pinnate_call call = PINNATE_CALL_INIT;
  pinnate_bytes result;
  const pinnate_row *engine;
  uint64_t release, now;
  size_t i;
  int told = 0;
  struct timespec from, to;

  clock_gettime(CLOCK_MONOTONIC, &from);
  options.sites = 10, options.clusters = 4, options.engines = 25; /* 1,000 engines */
  options.describe = describe;
  CHECK(pinnate_testing_open(&options, &fleet) == PINNATE_OK);
  CHECK(pinnate_testing_add_loader(fleet, &loader) == PINNATE_OK);

  /* The first version, everywhere. */
  release = publish("1.0.0", "hello ", NULL);
  CHECK(pinnate_testing_wait_live(fleet, release, 0, 10000) == PINNATE_OK);
  CHECK(live("1.0.0") == 1000 && services == 1000);
  call.name = "greet";
  call.payload.data = "world", call.payload.size = 5;
  call.engine = "s7.k3.e24";
  CHECK(pinnate_testing_call(fleet, NULL, &call, &result) == PINNATE_OK);
  CHECK(result.size == 11 && memcmp(result.data, "hello world", 11) == 0);

  /* The next one, for the canary ring, while one engine's health check fails: it keeps the old
   * one, and says why. */
  fault.name = "greet", fault.version = "1.1.0", fault.step = PINNATE_TESTING_HEALTH, fault.engine = "s0.k1.e2";
  CHECK(pinnate_testing_inject(fleet, &fault) == PINNATE_OK);
  release = publish("1.1.0", "hi ", "ring=canary");
  CHECK(pinnate_testing_wait_live(fleet, release, 99, 10000) == PINNATE_OK);
  CHECK(live("1.1.0") == 99 && live("1.0.0") == 901);
  CHECK(pinnate_testing_engine(fleet, "s0.k1.e2", &engine) == PINNATE_OK);
  for (i = 0; i < engine->service_count; i++) {
    if (strcmp(engine->services[i]->version, "1.1.0") != 0) continue;
    CHECK(engine->services[i]->phase == PINNATE_PHASE_FAILED && strstr(engine->services[i]->reason, "injected by the test"));
    told = 1;
  }
  CHECK(told);
  CHECK(pinnate_testing_cure(fleet, "greet", "1.1.0") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, release, 0, 60000) == PINNATE_OK);

  /* Everywhere, with a site away and a gateway killed; they catch up when they are back. */
  CHECK(pinnate_testing_partition(fleet, "s3") == PINNATE_OK);
  CHECK(pinnate_testing_kill(fleet, "s5.k0") == PINNATE_OK);
  release = publish("1.2.0", "good day, ", NULL);
  CHECK(pinnate_testing_wait_live(fleet, release, 875, 10000) == PINNATE_OK);
  CHECK(live("1.2.0") == 875 && live("1.0.0") == 125);
  CHECK(pinnate_testing_heal(fleet) == PINNATE_OK);
  CHECK(pinnate_testing_restart(fleet, "s5.k0") == PINNATE_OK);
  CHECK(pinnate_testing_wait_live(fleet, release, 0, 120000) == PINNATE_OK);
  CHECK(live("1.2.0") == 1000);

  CHECK(pinnate_testing_now(fleet, &now) == PINNATE_OK);
  CHECK(pinnate_testing_close(fleet) == PINNATE_OK);
  CHECK(modules == 0 && services == 0);
  clock_gettime(CLOCK_MONOTONIC, &to);
  printf("ok: 1000 engines, 3 releases, %.1f s of virtual time in %.2f s\n", (double)now / 1e3,
         (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
  return 0;
}
