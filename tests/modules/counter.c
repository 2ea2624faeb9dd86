/* Counts its calls and answers "VERSION COUNT". Built in several versions, to tell which code
 * runs. */
#include <pinnate/module.h>

#include <stdio.h>
#include <string.h>

#ifndef VERSION
#define VERSION "1"
#endif

static const pinnate_host *host;
static int count; /* of the object, not of the service: a service that shares another's object would be found out */

static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  host = h;
  *service = &count;
  return 0;
}

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  char text[64];
  (void)payload, (void)payload_bytes;
  snprintf(text, sizeof text, "%s %d", VERSION, ++*(int *)service);
  host->answer(reply, text, strlen(text));
}

static void destroy(void *service) { (void)service; }

const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
