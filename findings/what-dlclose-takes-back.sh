#!/usr/bin/env bash
# Of six ways to leave a function with the C library, dlclose calls one, drops two and keeps three.
#
# A module registers functions by atexit, at_quick_exit, on_exit, pthread_atfork, a key of
# pthread_key_create, and signal. Here the functions lie in the host, so that all can be watched.
# atexit handlers run at dlclose, since each object has its own list: not at the process's exit,
# and on whatever thread closes. Handlers of at_quick_exit and pthread_atfork are dropped without
# being run. on_exit handlers, key destructors and signal handlers know nothing of objects: they
# are called later, wherever their code was. Modules that left functions of their own so were seen
# to end the process by SIGSEGV.
#
# Versions: glibc 2.36, gcc 12.2.0 of Debian 12. Source: atexit(3), on_exit(3),
# pthread_key_create(3); glibc __cxa_finalize, __unregister_atfork.
#
# Right for a host: an object that imports on_exit, pthread_key_create or tss_create stays mapped
# unless its author states that it cleans up; signal handlers are compared before and after; the
# thread that closes must be one on which a module's atexit handlers may run.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.c <<'END'
#define _DEFAULT_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

void leave(void (*at_exit)(void), void (*quick)(void), void (*exit_)(int, void *), void (*fork_)(void),
           void (*destroy)(void *), void (*handler)(int)) {
  pthread_key_t key;
  atexit(at_exit);
  at_quick_exit(quick);
  on_exit(exit_, NULL);
  pthread_atfork(fork_, NULL, NULL);
  pthread_key_create(&key, destroy);
  pthread_setspecific(key, "value");
  signal(SIGUSR1, handler);
}
END
gcc-12 -shared -fPIC -o module.so module.c
cat > host.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void at_exit(void) { puts("  atexit"); }
static void quick(void) { puts("  at_quick_exit"); }
static void exit_(int status, void *argument) { puts("  on_exit"); }
static void fork_(void) { puts("  pthread_atfork"); }
static void destroy(void *value) { puts("  pthread_key_create"); }
static void handler(int number) { puts("  signal"); }

static void fork_once(void) {
  pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, NULL, 0);
}

static void *run(void *nothing) {
  void *object = dlopen("./module.so", RTLD_NOW | RTLD_LOCAL);
  void (*leave)() = (void (*)())dlsym(object, "leave");
  leave(at_exit, quick, exit_, fork_, destroy, handler);
  puts("fork:");
  fork_once();
  puts("dlclose:");
  dlclose(object);
  puts(dlopen("./module.so", RTLD_NOW | RTLD_NOLOAD) ? "is still there" : "is gone");
  puts("fork:");
  fork_once();
  puts("signal:");
  raise(SIGUSR1);
  puts("end of the thread:");
  return nothing;
}

int main(int arguments, char **argument) {
  pthread_t thread;
  setvbuf(stdout, NULL, _IONBF, 0);
  pthread_create(&thread, NULL, run, NULL);
  pthread_join(thread, NULL);
  puts(argument[1]);
  if (arguments > 2) quick_exit(0);
}
END
gcc-12 -o host host.c
{ ./host exit: && ./host quick_exit: now | tail -n 1; } > seen
cat > expected <<'END'
fork:
  pthread_atfork
dlclose:
  atexit
is gone
fork:
signal:
  signal
end of the thread:
  pthread_key_create
exit:
  on_exit
quick_exit:
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
