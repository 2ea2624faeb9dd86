#include "process.h"

#include <SWI-Prolog.h>
#include <stdio.h>

static char name[32]; /* of a Prolog module: another one for each object in memory */

static int run(const char *goal_of_name) {
  char text[256];
  term_t goal = PL_new_term_ref();
  snprintf(text, sizeof text, goal_of_name, name, name, name, name);
  return PL_chars_to_term(text, goal) && PL_call(goal, NULL);
}

/* Prolog begins once a process and is never ended. */
int module_begin(void) {
  static char *arguments[] = {"module", "-q", "--no-signals", "--sigalert=0", NULL};
  if (!PL_is_initialised(NULL, NULL)) {
    remember_process();
    if (!PL_initialise(4, arguments)) return 1;
    put_process_back();
  } else if (PL_thread_attach_engine(NULL) < 0) {
    return 1;
  }
  snprintf(name, sizeof name, "m%p", (void *)name);
  return !run("assertz('%s':calls(0))") ||
         !run("assertz(('%s':answer(T) :- retract('%s':calls(N)), M is N + 1, assertz('%s':calls(M)), "
              "format(string(T), '1.0.0 ~w', [M])))");
}

void module_end(void) { run("abolish('%s':answer/1), retractall('%s':calls(_))"); }

void module_answer(char *text, int text_bytes) {
  char *answer = NULL;
  fid_t frame = PL_open_foreign_frame();
  term_t result = PL_new_term_refs(1);
  if (PL_call_predicate(NULL, PL_Q_NORMAL, PL_predicate("answer", 1, name), result) &&
      PL_get_chars(result, &answer, CVT_ALL | BUF_MALLOC)) {
    snprintf(text, text_bytes, "%s", answer);
    PL_free(answer);
  }
  PL_discard_foreign_frame(frame);
}
