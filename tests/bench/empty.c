/* What an idle engine is compared with: a process with a libuv loop, one timer on it, and
 * nothing else. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <uv.h>

static void tick(uv_timer_t* timer) { (void)timer; }

int main(void) {
  uv_loop_t loop;
  uv_timer_t timer;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (uv_loop_init(&loop) != 0 || uv_timer_init(&loop, &timer) != 0) return 1;
  uv_timer_start(&timer, tick, 1000, 1000);
  puts("ready");
  fflush(stdout);
  return uv_run(&loop, UV_RUN_DEFAULT);
}
