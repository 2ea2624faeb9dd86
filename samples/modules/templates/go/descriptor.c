/* What the engine sees of module.go: a table that Go cannot write itself. A service is the host's
 * table. */
#include "_cgo_export.h"

static int create(const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  *service = (void *)host;
  return 0;
}

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  handleCall(service, reply, (void *)payload, payload_bytes);
}

static void destroy(void *service) { (void)service; }

/* Calls may overlap, and Go's runtime cannot leave a process. */
enum { kFlags = PINNATE_CALLS_MAY_OVERLAP | PINNATE_STAYS_LOADED };

const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, kFlags, create, call, NULL, destroy};
