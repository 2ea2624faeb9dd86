/* An engine on a loop of the host's own that is not libuv's: here epoll, with stdin beside it.
 * Run: build/release/bin/sample-epoll tcp://127.0.0.1:7070 FUNCTION */
#include <pinnate/engine.h>
#include <pinnate/loop.h>

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void on_result(void *arg, pinnate_status status, const char *error, pinnate_bytes result) {
  (void)arg;
  printf("%.*s%s\n", (int)result.size, (const char *)result.data, status == PINNATE_OK ? "" : error);
  fflush(stdout);
}

int main(int argc, char **argv) {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_engine *engine;
  pinnate_loop *loop;
  struct epoll_event input = {EPOLLIN, {.fd = STDIN_FILENO}}, ours = {EPOLLIN, {.fd = -1}}, event;
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  char line[4096];
  if (argc < 3) return fprintf(stderr, "usage: sample-epoll GATEWAY-ADDRESS FUNCTION < LINES\n"), 2;
  if (pinnate_loop_new(&loop) != PINNATE_OK) return fprintf(stderr, "%s\n", pinnate_last_error()), 1;
  options.tier.loop = loop;
  if (pinnate_engine_open(&options, &engine) != PINNATE_OK ||
      pinnate_engine_dial_upstream(engine, argv[1], NULL) != PINNATE_OK)
    return fprintf(stderr, "%s\n", pinnate_last_error()), 1;
  epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &input);
  epoll_ctl(poll, EPOLL_CTL_ADD, pinnate_loop_fd(loop), &ours);
  for (;;) {
    const int ready = epoll_wait(poll, &event, 1, pinnate_loop_timeout_ms(loop));
    pinnate_loop_dispatch(loop); /* also when the time has come and no descriptor is ready */
    if (ready == 1 && event.data.fd == STDIN_FILENO) {
      pinnate_call call = PINNATE_CALL_INIT;
      const ssize_t bytes = read(STDIN_FILENO, line, sizeof line);
      if (bytes <= 0) break;
      call.name = argv[2];
      call.payload.data = line;
      call.payload.size = (size_t)bytes;
      if (pinnate_engine_call(engine, &call, on_result, NULL) != PINNATE_OK) fprintf(stderr, "%s\n", pinnate_last_error());
    }
  }
  pinnate_engine_close_wait(engine); /* dispatches until it is closed */
  pinnate_engine_free(engine);
  return pinnate_loop_free(loop) != PINNATE_OK;
}
