/* For a runtime that takes signals for itself while it begins: handlers are the process's, and one
 * that points into a module keeps it in memory. So they are put back. */
#include <signal.h>
#include <stddef.h>

static struct sigaction handlers_before[32];

static void remember_handlers(void) {
  for (int i = 1; i < 32; i++) sigaction(i, NULL, &handlers_before[i]);
}

static void put_handlers_back(void) {
  for (int i = 1; i < 32; i++) sigaction(i, &handlers_before[i], NULL);
}
