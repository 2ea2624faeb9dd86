/* What modules leave behind, one kind for each build: LEAVES_... says which. Answers with VERSION. */
#define _GNU_SOURCE
#include <pinnate/module.h>

#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef FLAGS
#define FLAGS 0
#endif
#ifndef VERSION
#define VERSION "1"
#endif

static const pinnate_host *host;

#ifdef LEAVES_KEY
static pthread_key_t key;
static void end_of_thread(void *value) { free(value); }
#endif

#ifdef LEAVES_THREAD
static int pipe_ends[2];
static char fifo[256]; /* its configuration: the thread waits until that is closed. "": for ever */
static void *wait_for_end(void *unused) {
  char byte;
  const int end = fifo[0] ? open(fifo, O_RDONLY) : pipe_ends[0];
#ifdef LEAVES_RUNNING
  fcntl(end, F_SETFL, O_NONBLOCK);
  while (read(end, &byte, 1) != 0) continue;
#else
  while (read(end, &byte, 1) > 0) continue;
#endif
  if (fifo[0]) close(end);
  return unused;
}
#endif

#ifdef LEAVES_HANDLER
static void on_signal(int number) { (void)number; }
#endif

static char stack[64 * 1024];

static int create(const pinnate_host *h, const void *config, size_t config_bytes, void **service, char *error,
                  size_t error_bytes) {
  (void)config, (void)config_bytes, (void)error, (void)error_bytes;
  host = h;
  *service = stack;
#ifdef LEAVES_KEY
  if (pthread_key_create(&key, end_of_thread) != 0) return 1;
#endif
#ifdef LEAVES_THREAD
  pthread_t thread;
  if (config_bytes > 0 && config_bytes < sizeof fifo) memcpy(fifo, config, config_bytes);
  if ((!fifo[0] && pipe(pipe_ends) != 0) || pthread_create(&thread, NULL, wait_for_end, NULL) != 0) return 1;
  pthread_setname_np(thread, "left-behind");
  pthread_detach(thread);
#endif
#ifdef LEAVES_HANDLER
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGUSR2, &action, NULL);
#endif
#ifdef LEAVES_THREAD_STATE
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  stack_t alternate;
  memset(&alternate, 0, sizeof alternate);
  alternate.ss_sp = stack, alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, NULL);
  fesetround(FE_UPWARD);
#endif
#ifdef LEAVES_PROCESS_STATE
  setlocale(LC_ALL, "C.UTF-8");
  umask(0123);
  if (chdir("/") != 0) return 1;
#endif
  return 0;
}

/* "rounding": whether this thread rounds as usual, and then no longer. "blocked": whether SIGUSR1 and
 * SIGUSR2 are. */
static void call(void *service, pinnate_reply *reply, const void *payload, size_t payload_bytes) {
  (void)service;
  if (payload_bytes == 8 && memcmp(payload, "rounding", 8) == 0) {
    const char *was = fegetround() == FE_TONEAREST ? "to nearest" : "otherwise";
    fesetround(FE_DOWNWARD);
    host->answer(reply, was, strlen(was));
    return;
  }
  if (payload_bytes == 7 && memcmp(payload, "blocked", 7) == 0) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    char answer[2] = {sigismember(&mask, SIGUSR1) ? 'y' : 'n', sigismember(&mask, SIGUSR2) ? 'y' : 'n'};
    host->answer(reply, answer, sizeof answer);
    return;
  }
#if defined LEAVES_KEY && !(FLAGS & 8)
  if (!pthread_getspecific(key)) pthread_setspecific(key, malloc(1));
#endif
  host->answer(reply, VERSION, sizeof VERSION - 1);
}

static void destroy(void *service) {
  (void)service;
#if defined LEAVES_KEY && (FLAGS & 8)
  pthread_key_delete(key);
#endif
}

const pinnate_descriptor pinnate_module = {sizeof(pinnate_descriptor), PINNATE_MODULE_ABI, FLAGS, create, call, 0,
                                           destroy};
