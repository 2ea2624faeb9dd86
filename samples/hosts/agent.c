/* An agent that becomes an engine: it loads what is published, answers calls, says what it has,
 * and ends at a signal.
 * Run: build/release/bin/sample-agent tcp://127.0.0.1:7070 */
#include <pinnate/engine.h>

#include <signal.h>
#include <stdio.h>

static void on_service(void *arg, const pinnate_service *s) {
  (void)arg;
  if (!s) return; /* the watch has ended */
  printf("%s %s is %s%s%s\n", s->name, s->version, pinnate_phase_name(s->phase), *s->reason ? ": " : "", s->reason);
  fflush(stdout);
}

int main(int argc, char **argv) {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_engine *engine;
  sigset_t stop;
  int number;
  if (argc < 2) return fprintf(stderr, "usage: sample-agent GATEWAY-ADDRESS [STATE-FOLDER]\n"), 2;
  options.state_dir = argc > 2 ? argv[2] : NULL; /* NULL: nothing is kept across restarts */
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  sigprocmask(SIG_BLOCK, &stop, NULL); /* the host's own business: the library installs no handlers */
  if (pinnate_engine_open(&options, &engine) != PINNATE_OK ||
      pinnate_engine_watch(engine, on_service, NULL, NULL) != PINNATE_OK ||
      pinnate_engine_dial_upstream(engine, argv[1], NULL) != PINNATE_OK)
    return fprintf(stderr, "sample-agent: %s\n", pinnate_last_error()), 1;
  sigwait(&stop, &number);
  pinnate_engine_close_wait(engine);
  pinnate_engine_free(engine);
  return 0;
}
