/* Shared objects that are not modules, each in one way; and, with LATER_DESCRIPTOR, one that is,
 * made for a later engine. */
#include <pinnate/module.h>

static int create(const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)host, (void)config, (void)config_bytes, (void)service, (void)error, (void)error_bytes;
  return 0;
}

static void destroy(void *service) { (void)service; }

#ifdef UNDEFINED_SYMBOL
void nobody_defines_this(void);
#endif

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  (void)service, (void)reply, (void)payload, (void)payload_bytes;
#ifdef UNDEFINED_SYMBOL
  nobody_defines_this();
#endif
}

#ifdef OTHER_ABI
#define ABI 99
#else
#define ABI PINNATE_MODULE_ABI
#endif
#ifdef SHORT_DESCRIPTOR
#define SIZE 16
#elif !defined(LATER_DESCRIPTOR)
#define SIZE sizeof(pinnate_descriptor)
#endif
#ifdef NO_DESCRIPTOR
#define NAME not_a_pinnate_module
extern __attribute__((visibility("default"))) const pinnate_descriptor NAME;
#else
#define NAME pinnate_module
#endif

#ifdef LATER_DESCRIPTOR /* the table has grown at its end, as it may within one ABI version */
const struct {
  pinnate_descriptor known;
  void (*later)(void *service);
} later_module __asm__("pinnate_module") __attribute__((visibility("default"))) = {
    {sizeof later_module, ABI, 0, create, call, NULL, destroy}, destroy};
#else
const pinnate_descriptor NAME = {SIZE, ABI, 0, create, call, NULL, destroy};
#endif
