/* What the engine sees of module.f90: a table that Fortran cannot write itself. A service is the
 * host's table. */
#include <pinnate/module.h>

void handle(const pinnate_host *host, pinnate_reply *reply, const void *payload, size_t payload_bytes);

void answer(const pinnate_host *host, pinnate_reply *reply, const void *bytes, size_t size_bytes) {
  host->answer(reply, bytes, size_bytes);
}

void fail(const pinnate_host *host, pinnate_reply *reply, const char *words) { host->fail(reply, words); }

static int create(const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  *service = (void *)host;
  return 0;
}

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  handle(service, reply, payload, payload_bytes);
}

static void destroy(void *service) { (void)service; }

/* 0: one call at a time, since what Fortran saves between calls is one for all. */
const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
