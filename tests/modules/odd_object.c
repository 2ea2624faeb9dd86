/* A whole module that only differs in how it is built: see CMakeLists.txt. */
#include <pinnate/module.h>

#ifdef USES_SANITIZER
void __asan_init(void);
void *use(void) { return (void *)&__asan_init; }
#endif
#ifdef TLS_BYTES
__attribute__((tls_model("initial-exec"))) _Thread_local char room[TLS_BYTES] = {1};
#endif
#ifdef LIBRARY
int library_number(void);
#endif
#ifdef REGISTERS
int g_type_register_static_simple(void) __attribute__((weak));
#endif

static const pinnate_host *host;
static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  host = h;
  *service = &host;
#ifdef REGISTERS
  if (g_type_register_static_simple) g_type_register_static_simple();
#endif
  return 0;
}
static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  (void)service;
#ifdef TLS_BYTES
  room[payload_bytes % TLS_BYTES]++;
#endif
#ifdef LIBRARY
  char digit = (char)('0' + library_number());
  payload = &digit, payload_bytes = 1;
#endif
  host->answer(reply, payload, payload_bytes);
}
static void destroy(void *service) { (void)service; }

const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, 0, destroy};
