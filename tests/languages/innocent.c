/* A module that has done nothing: it says what its own create found of its thread, which another
 * module may have left otherwise. */
#include <pinnate/module.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const pinnate_host *host;
static char found[64];

static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  volatile double smallest = 2.2250738585072014e-308;
  sigset_t blocked;
  stack_t stack;
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  pthread_sigmask(SIG_SETMASK, NULL, &blocked);
  sigaltstack(NULL, &stack);
  snprintf(found, sizeof found, "%s, %s", smallest / 2 > 0 ? "denormals" : "no denormals",
           sigismember(&blocked, SIGCHLD) ? "blocked" : "unblocked");
  if (!(stack.ss_flags & SS_DISABLE)) strcat(found, ", alternate stack");
  host = h;
  *service = found;
  return 0;
}

static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  (void)service, (void)payload, (void)payload_bytes;
  host->answer(reply, found, strlen(found));
}

static void destroy(void *service) { (void)service; }

const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, 0, create, call, NULL, destroy};
