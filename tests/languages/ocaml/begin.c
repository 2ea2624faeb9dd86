#include "process.h"

#include <caml/callback.h>
#include <caml/mlvalues.h>
#include <stdio.h>

int module_begin(void) {
  char *arguments[] = {"module", NULL};
  remember_process();
  caml_startup(arguments);
  put_process_back();
  return 0;
}

void module_end(void) { caml_shutdown(); }

void module_answer(char *text, int text_bytes) {
  const value answer = caml_callback_exn(*caml_named_value("answer"), Val_unit);
  snprintf(text, text_bytes, "%s", Is_exception_result(answer) ? "failed" : String_val(answer));
}
