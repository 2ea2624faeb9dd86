/* A module whose own functions have names that an engine's process may have too. */
#include <pinnate/module.h>

#include <stdio.h>
#include <string.h>

/* zlib has one, which answers otherwise. */
unsigned long compressBound(unsigned long bytes) { return bytes + 42; }

static const pinnate_host *host;
static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  host = h;
  *service = &host;
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  char text[32];
  (void)service, (void)payload;
  host->answer(reply, text, (size_t)snprintf(text, sizeof text, "%lu", compressBound(payload_bytes)));
}
static void destroy(void *service) { (void)service; }

const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
