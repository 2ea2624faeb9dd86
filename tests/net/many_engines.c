/* Many engines in one process, each with a link of its own, for what many links cost a gateway.
 *
 *     many_engines PREFIX dial COUNT ADDRESS     COUNT engines that dial ADDRESS
 *     many_engines PREFIX listen FILE            one for each line of FILE, which listens at that address
 *
 * They are called PREFIX1 and so on, and load artifacts of the kind "bytes" by looking at none. It says `ready COUNT` when all
 * are open, and of each release `live NAME@VERSION COUNT` once it is live on all of them. It ends by a signal. */
#include <pinnate/engine.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int count;
static struct {
  int live;
} releases[64];

static int load(void *self, const pinnate_image *image, void **module, char *error, size_t error_bytes) {
  (void)image, (void)error, (void)error_bytes;
  *module = self;
  return 0;
}
static int create(void *module, const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)module, (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  *service = (void *)host;
  return 0;
}
static void call(void *module, void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  (void)module;
  ((const pinnate_host *)service)->answer(reply, payload, payload_bytes);
}
static void destroy(void *module, void *service) { (void)module, (void)service; }
static void unload(void *module) { (void)module; }

/* All engines of a process share the library's one thread, so nothing here is told on two at once. */
static void on_service(void *arg, const pinnate_service *service) {
  unsigned long long *const told = arg; /* the release that was live last */
  if (!service || service->phase != PINNATE_PHASE_LIVE || *told == service->release) return;
  *told = service->release;
  int *const live = &releases[service->release % (sizeof releases / sizeof *releases)].live;
  if (++*live == count) printf("live %s@%s %d\n", service->name, service->version, count), fflush(stdout), *live = 0;
}

static void check(pinnate_status status) {
  if (status == PINNATE_OK) return;
  fprintf(stderr, "many_engines: %s\n", pinnate_last_error());
  exit(1);
}

int main(int argc, char **argv) {
  char line[512], id[128];
  FILE *const file = argc == 4 && strcmp(argv[2], "listen") == 0 ? fopen(argv[3], "r") : NULL;
  const int listens = file != NULL;
  if (!listens && (argc != 5 || strcmp(argv[2], "dial") != 0 || (count = atoi(argv[3])) <= 0)) return 2;
  char **addresses = NULL;
  while (listens && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\n")] = '\0';
    addresses = realloc(addresses, (size_t)(count + 1) * sizeof *addresses);
    addresses[count++] = strdup(line);
  }
  const pinnate_loader loader = {sizeof loader, "bytes", PINNATE_CALLS_MAY_OVERLAP, NULL, load, create, call, NULL, destroy, unload};
  const pinnate_loader *const loaders[] = {&loader};
  unsigned long long *const told = calloc((size_t)count, sizeof *told);
  for (int i = 0; i < count; i++) {
    pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
    pinnate_engine *engine;
    snprintf(id, sizeof id, "%s%d", argv[1], i + 1);
    options.tier.id = id;
    options.loaders = loaders, options.loader_count = 1;
    check(pinnate_engine_open(&options, &engine));
    check(pinnate_engine_watch(engine, on_service, &told[i], NULL));
    check(listens ? pinnate_engine_listen(engine, addresses[i], line, sizeof line, NULL)
                  : pinnate_engine_dial_upstream(engine, argv[4], NULL));
  }
  printf("ready %d\n", count), fflush(stdout);
  for (;;) pause();
}
