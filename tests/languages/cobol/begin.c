#include "handlers.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libcob.h>

int count_call(char *text);

/* libcob takes the locale for itself, too. */
int module_begin(void) {
  char *locale = strdup(setlocale(LC_ALL, NULL));
  remember_handlers();
  cob_init(0, NULL);
  put_handlers_back();
  setlocale(LC_ALL, locale);
  free(locale);
  return 0;
}

/* No cob_tidy: it would end what other COBOL modules of the process use. */
void module_end(void) {}

void module_answer(char *text, int text_bytes) {
  (void)text_bytes;
  count_call(text);
}
