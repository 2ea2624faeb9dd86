/* A library that modules need, in two places with two answers; it has a thread of its own. */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>

static int pipe_ends[2];
static void *wait_for_ever(void *unused) {
  char byte;
  while (read(pipe_ends[0], &byte, 1) > 0) continue;
  return unused;
}

__attribute__((constructor)) static void begin(void) {
  pthread_t thread;
  if (pipe(pipe_ends) == 0 && pthread_create(&thread, NULL, wait_for_ever, NULL) == 0) {
    pthread_setname_np(thread, "left-behind");
    pthread_detach(thread);
  }
}

int library_number(void) { return NUMBER; }
