#include <ecl/ecl.h>
#include <stdio.h>
#include <string.h>

static cl_object *answer; /* outside of the module: a root that is registered in it is read after it has gone */

/* Lisp begins once a process and is never ended. */
int module_begin(void) {
  static char *arguments[] = {"module", NULL};
  if (!ecl_get_option(ECL_OPT_BOOTED)) {
    ecl_set_option(ECL_OPT_TRAP_SIGSEGV, 0);
    ecl_set_option(ECL_OPT_TRAP_SIGBUS, 0);
    ecl_set_option(ECL_OPT_TRAP_SIGFPE, 0);
    ecl_set_option(ECL_OPT_TRAP_SIGINT, 0);
    ecl_set_option(ECL_OPT_TRAP_SIGILL, 0);
    ecl_set_option(ECL_OPT_TRAP_SIGPIPE, 0);
    ecl_set_option(ECL_OPT_SIGNAL_HANDLING_THREAD, 0);
    cl_boot(1, arguments);
  } else {
    ecl_import_current_thread(ECL_NIL, ECL_NIL);
  }
  answer = ecl_alloc_uncollectable(sizeof *answer);
  *answer = cl_eval(c_string_to_object(
      "(let ((calls 0)) (lambda () (coerce (format nil \"1.0.0 ~d\" (incf calls)) 'base-string)))"));
  return *answer == ECL_NIL;
}

void module_end(void) {
  ecl_free_uncollectable(answer);
  ecl_release_current_thread();
}

void module_answer(char *text, int text_bytes) {
  cl_object result = cl_funcall(1, *answer);
  snprintf(text, text_bytes, "%s", ecl_base_string_pointer_safe(result));
}
