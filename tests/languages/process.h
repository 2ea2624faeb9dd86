/* For a runtime that takes signals and the locale for itself while it begins. They are the
 * process's, and a handler that points into a module keeps it in memory: so they are put back. */
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct sigaction handlers_before[32];
static char *locale_before;

static void remember_process(void) {
  for (int i = 1; i < 32; i++) sigaction(i, NULL, &handlers_before[i]);
  locale_before = strdup(setlocale(LC_ALL, NULL));
}

static void put_process_back(void) {
  for (int i = 1; i < 32; i++) sigaction(i, &handlers_before[i], NULL);
  setlocale(LC_ALL, locale_before);
  free(locale_before);
}
