#include <chicken.h>
#include <stdio.h>

extern char *scheme_answer(void);

/* Chicken begins once a process, and lives on the thread that it began on. */
int module_begin(void) {
  if (C_fromspace_limit) return 1; /* its heap is there: another module has begun it */
  return CHICKEN_run(C_toplevel) == 0;
}

void module_end(void) {}

void module_answer(char *text, int text_bytes) { snprintf(text, text_bytes, "%s", scheme_answer()); }
