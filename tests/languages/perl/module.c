#include "process.h"

#include <EXTERN.h>
#include <perl.h>

static PerlInterpreter *my_perl;

/* Never PERL_SYS_TERM: it ends what all interpreters of the process use. */
int module_begin(void) {
  char *words[] = {"", "-e", "my $calls = 0; sub answer { $calls++; return \"1.0.0 $calls\" }", NULL}, **argv = words;
  char *variables[] = {NULL}, **env = variables;
  int argc = 3;
  remember_process();
  PERL_SYS_INIT3(&argc, &argv, &env); /* ignores SIGFPE */
  put_process_back();
  my_perl = perl_alloc();
  PERL_SET_CONTEXT(my_perl);
  PL_perl_destruct_level = 1;
  perl_construct(my_perl);
  PL_exit_flags |= PERL_EXIT_DESTRUCT_END;
  return perl_parse(my_perl, NULL, argc, argv, variables) || perl_run(my_perl);
}

void module_end(void) {
  PERL_SET_CONTEXT(my_perl);
  perl_destruct(my_perl);
  perl_free(my_perl);
}

void module_answer(char *text, int text_bytes) {
  PERL_SET_CONTEXT(my_perl); /* each call may be on another thread */
  dSP;
  ENTER;
  SAVETMPS;
  PUSHMARK(SP);
  call_pv("answer", G_SCALAR | G_EVAL);
  SPAGAIN;
  snprintf(text, text_bytes, "%s", POPpx);
  PUTBACK;
  FREETMPS;
  LEAVE;
}
