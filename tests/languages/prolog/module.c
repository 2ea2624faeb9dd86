#include "process.h"

#include <SWI-Prolog.h>
#include <stdio.h>

/* Prolog begins once a process and is never ended; each version has a module of its own. */
int module_begin(void) {
  static char *arguments[] = {"module", "-q", "--no-signals", "--sigalert=0", NULL};
  if (!PL_is_initialised(NULL, NULL)) {
    remember_process();
    if (!PL_initialise(4, arguments)) return 1;
    put_process_back();
  } else if (PL_thread_attach_engine(NULL) < 0) {
    return 1;
  }
  const char *program[] = {"assertz(('v1.0.0':calls(0)))",
                           "assertz(('v1.0.0':answer(T) :- retract('v1.0.0':calls(N)), M is N + 1, "
                           "assertz('v1.0.0':calls(M)), format(string(T), '1.0.0 ~w', [M])))"};
  int failed = !PL_chars_to_term("true", PL_new_term_ref());
  for (int i = 0; i < 2 && !failed; i++) {
    term_t goal = PL_new_term_ref();
    failed = !PL_chars_to_term(program[i], goal) || !PL_call(goal, NULL);
  }
  return failed;
}

void module_end(void) {
  term_t goal = PL_new_term_ref();
  if (PL_chars_to_term("abolish('v1.0.0':answer/1), retractall('v1.0.0':calls(_))", goal)) PL_call(goal, NULL);
}

void module_answer(char *text, int text_bytes) {
  char *answer = NULL;
  fid_t frame = PL_open_foreign_frame();
  term_t result = PL_new_term_refs(1);
  if (PL_call_predicate(NULL, PL_Q_NORMAL, PL_predicate("answer", 1, "v1.0.0"), result) &&
      PL_get_chars(result, &answer, CVT_ALL | BUF_MALLOC)) {
    snprintf(text, text_bytes, "%s", answer);
    PL_free(answer);
  }
  PL_discard_foreign_frame(frame);
}
