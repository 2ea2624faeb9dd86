/* A Pinnate module in C: it answers each call with its payload. */
#include <pinnate/module.h>

#include <stdlib.h>

/* What one service keeps between calls. */
typedef struct service {
  const pinnate_host *host;
} service;

/* Makes a service from the release's configuration. Not 0: it cannot work; `error` says why. */
static int create(const pinnate_host *host, const void *config, size_t config_bytes, void **result, char *error,
                  size_t error_bytes) {
  service *s = malloc(sizeof *s);
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  if (!s) return 1;
  s->host = host;
  *result = s;
  return 0;
}

/* Takes one call. It may also keep `reply` and answer later, from any thread; but exactly once. */
static void call(void *self, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  service *s = self;
  s->host->answer(reply, payload, payload_bytes);
}

/* Every call is answered by now. */
static void destroy(void *self) { free(self); }

/* 0: one call at a time (or PINNATE_CALLS_MAY_OVERLAP). NULL: there is no health check. */
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
