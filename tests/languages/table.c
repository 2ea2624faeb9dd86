/* The table of a module whose work is done in another language. That language gives
 * module_answer, and module_begin and module_end where it has something to begin and to end. */
#include <pinnate/module.h>

#include <stdio.h>
#include <string.h>

#ifndef FLAGS
#define FLAGS 0
#endif

#ifdef __cplusplus
extern "C" {
#endif

__attribute__((weak)) int module_begin(void) { return 0; }
__attribute__((weak)) void module_end(void) {}
void module_answer(char *text, int text_bytes); /* NUL-terminated */

static int create(const pinnate_host *host, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)config, (void)config_bytes;
  if (module_begin() != 0) return snprintf(error, error_bytes, "its runtime cannot be begun"), 1;
  *service = (void *)host;
  return 0;
}

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  char text[256] = "";
  (void)payload, (void)payload_bytes;
  module_answer(text, sizeof text);
  ((const pinnate_host *)service)->answer(reply, text, strlen(text));
}

static void destroy(void *service) {
  (void)service;
  module_end();
}

const pinnate_descriptor pinnate_module = {
    sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, FLAGS, create, call, NULL, destroy};

#ifdef __cplusplus
}
#endif
