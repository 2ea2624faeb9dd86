#include "process.h"

#include <stdio.h>

#include <libcob.h>

int count_call(char *text);

int module_begin(void) {
  remember_process();
  cob_init(0, NULL);
  put_process_back();
  return 0;
}

/* No cob_tidy: it would end what other COBOL modules of the process use. */
void module_end(void) {}

void module_answer(char *text, int text_bytes) {
  (void)text_bytes;
  count_call(text);
}
