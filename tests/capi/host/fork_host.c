/* A host that forks on one thread while others open, use and close handles. No child may hang or
 * crash, in exit() or in a function of the library; each has 20 seconds. Says nothing when all is
 * well. */
#define _GNU_SOURCE

#include <pinnate/client.h>
#include <pinnate/controller.h>
#include <pinnate/engine.h>
#include <pinnate/gateway.h>

#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static int failures = 0;

#define EXPECT(condition)                                                                                \
  do {                                                                                                   \
    if (!(condition)) {                                                                                  \
      fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition, pinnate_last_error()); \
      failures++;                                                                                        \
    }                                                                                                    \
  } while (0)

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char folder[] = "/tmp/pinnate-fork-XXXXXX";
static atomic_int stop;

/* ---- what other threads do ---- */

static void one_engine(void) {
  pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
  pinnate_engine* engine = NULL;
  EXPECT(pinnate_engine_open(&options, &engine) == PINNATE_OK);
  EXPECT(pinnate_engine_dial_upstream(engine, "unix:/tmp/nobody-listens-here", NULL) == PINNATE_OK);
  EXPECT(pinnate_engine_close_wait(engine) == PINNATE_OK);
  pinnate_engine_free(engine);
}

static void one_of_the_others(int which, const char* whose) {
  char path[128], address[160];
  snprintf(path, sizeof path, "%s/%s-%d", folder, whose, which);
  snprintf(address, sizeof address, "unix:%s/%s-socket-%d", folder, whose, which);
  if (which == 0) {
    pinnate_controller_options options = PINNATE_CONTROLLER_OPTIONS_INIT;
    pinnate_controller* controller = NULL;
    options.state_dir = path;
    EXPECT(pinnate_controller_open(&options, &controller) == PINNATE_OK);
    EXPECT(pinnate_controller_listen(controller, address, NULL, 0, NULL) == PINNATE_OK);
    EXPECT(pinnate_controller_close_wait(controller) == PINNATE_OK);
    pinnate_controller_free(controller);
  } else if (which == 1) {
    pinnate_gateway_options options = PINNATE_GATEWAY_OPTIONS_INIT;
    pinnate_gateway* gateway = NULL;
    options.cache_dir = path;
    EXPECT(pinnate_gateway_open(&options, &gateway) == PINNATE_OK);
    EXPECT(pinnate_gateway_listen(gateway, address, NULL, 0, NULL) == PINNATE_OK);
    EXPECT(pinnate_gateway_close_wait(gateway) == PINNATE_OK);
    pinnate_gateway_free(gateway);
  } else {
    pinnate_client_options options = PINNATE_CLIENT_OPTIONS_INIT;
    pinnate_client* client = NULL;
    options.to = "unix:/tmp/nobody-listens-here";
    EXPECT(pinnate_client_open(&options, &client) == PINNATE_OK);
    EXPECT(pinnate_client_close_wait(client) == PINNATE_OK);
    pinnate_client_free(client);
  }
}

static void* open_engines(void* unused) {
  while (!stop) one_engine();
  return unused;
}

static void* open_others(void* unused) {
  for (int i = 0; !stop; i++) one_of_the_others(i % 3, "own");
  return unused;
}

/* ---- children ---- */

static void expect_good_end(pid_t child, const char* what) {
  int status = -1;
  EXPECT(waitpid(child, &status, 0) == child);
  if (status == 0) return;
  failures++;
  fprintf(stderr, "a child that %s ended with %s %d\n", what, WIFSIGNALED(status) ? "signal" : "status",
          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static pid_t fork_bounded(void) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    failures = 0;
  }
  return child;
}

static void child_that_exits(void) {
  const pid_t child = fork_bounded();
  if (child == 0) exit(0);
  expect_good_end(child, "exits");
}

static void child_with_a_child(void) {
  const pid_t child = fork_bounded();
  if (child == 0) {
    child_that_exits();
    exit(failures);
  }
  expect_good_end(child, "has a child");
}

static void child_that_uses(pinnate_engine* parents, int which) {
  const pid_t child = fork_bounded();
  if (child == 0) {
    EXPECT(pinnate_engine_dial_upstream(parents, "unix:/tmp/nobody-listens-here", NULL) == PINNATE_FORKED);
    EXPECT(pinnate_engine_close_wait(parents) == PINNATE_FORKED);
    pinnate_engine_free(parents);
    one_engine();
    one_of_the_others(which % 3, "child");
    exit(failures);
  }
  expect_good_end(child, "uses the library");
}

static void spawned_children(void) {
  char* const arguments[] = {"true", NULL};
  pid_t child = -1;
  EXPECT(system("true") == 0);
  EXPECT(posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0);
  expect_good_end(child, "posix_spawn made");
  child = vfork();
  if (child == 0) {
    execvp("true", arguments);
    _exit(127);
  }
  expect_good_end(child, "vfork made");
}

/* ---- one life of a host, which has not used the library before ---- */

static int host(double seconds) {
  const double end = now() + seconds;
  pthread_t engines, others;
  if (pthread_create(&engines, NULL, open_engines, NULL) != 0 || pthread_create(&others, NULL, open_others, NULL) != 0)
    return 1;
  do { /* what there is one of in a process is made by the other threads right now */
    child_that_exits();
    child_with_a_child();
  } while (now() < end && now() - (end - seconds) < 0.02);
  if (now() < end) {
    pinnate_engine_options options = PINNATE_ENGINE_OPTIONS_INIT;
    pinnate_engine* engine = NULL;
    EXPECT(pinnate_engine_open(&options, &engine) == PINNATE_OK);
    for (int i = 0; now() < end; i++) {
      child_that_exits();
      if (i % 4 == 0) child_with_a_child();
      if (i % 4 == 1) child_that_uses(engine, i / 4);
      if (i % 16 == 2) spawned_children();
    }
    EXPECT(pinnate_engine_close_wait(engine) == PINNATE_OK);
    pinnate_engine_free(engine);
  }
  stop = 1;
  pthread_join(engines, NULL);
  pthread_join(others, NULL);
  return failures != 0;
}

/* ---- what a fork meets in the middle ---- */

static atomic_int fetching, fetched;

/* Time itself is under test: nothing tells that a fork has begun to wait for what this thread holds. */
static void pause_ms(long ms) {
  const struct timespec time = {0, ms * 1000000};
  nanosleep(&time, NULL);
}

/* In place of OpenSSL's: what it begins with takes its time. */
EVP_MD* EVP_MD_fetch(OSSL_LIB_CTX* context, const char* algorithm, const char* properties) {
  EVP_MD* (*const real)(OSSL_LIB_CTX*, const char*, const char*) =
      (EVP_MD * (*)(OSSL_LIB_CTX*, const char*, const char*)) dlsym(RTLD_NEXT, "EVP_MD_fetch");
  fetching = 1;
  pause_ms(100); /* the fork falls into it */
  EVP_MD* const found = real(context, algorithm, properties);
  fetched = 1;
  return found;
}

static void* open_one(void* unused) {
  one_engine();
  return unused;
}

/* The first use of the library, in a process of its own. */
static int fork_while_openssl_begins(void) {
  pthread_t opens;
  if (pthread_create(&opens, NULL, open_one, NULL) != 0) return 1;
  while (!fetching) sched_yield();
  const pid_t child = fork_bounded();
  if (child == 0) exit(fetched ? 0 : 1);
  expect_good_end(child, "has all or nothing of what OpenSSL begins with");
  pthread_join(opens, NULL);
  return failures != 0;
}

static void* hold_sqlite(void* held) {
  sqlite3_mutex* const of_memory = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_MEM);
  sqlite3_mutex_enter(of_memory);
  *(atomic_int*)held = 1;
  pause_ms(100); /* the fork falls into it */
  sqlite3_mutex_leave(of_memory);
  return NULL;
}

static int fork_while_sqlite_works(void) {
  atomic_int held = 0;
  pthread_t holds;
  one_of_the_others(0, "first");
  if (pthread_create(&holds, NULL, hold_sqlite, &held) != 0) return 1;
  while (!held) sched_yield();
  const pid_t child = fork_bounded();
  if (child == 0) {
    one_of_the_others(0, "second");
    exit(failures);
  }
  expect_good_end(child, "opens a controller");
  pthread_join(holds, NULL);
  return failures != 0;
}

static void in_a_host_of_its_own(int (*work)(void)) {
  const pid_t child = fork_bounded();
  if (child == 0) exit(work());
  expect_good_end(child, "is a host of its own");
}

static void first_moments(void) {
  const pid_t child = fork();
  failures = child == 0 ? 0 : failures;
  if (child == 0) exit(host(0.005));
  expect_good_end(child, "is a host of its own");
}

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? atof(argv[1]) : 3;
  char command[64];
  if (!mkdtemp(folder)) return 1;
  in_a_host_of_its_own(fork_while_openssl_begins);
  in_a_host_of_its_own(fork_while_sqlite_works);
  const double end = now() + seconds / 2;
  while (now() < end) first_moments();
  failures += host(seconds / 2);
  snprintf(command, sizeof command, "rm -r %s", folder);
  EXPECT(system(command) == 0);
  return failures != 0;
}
