#!/usr/bin/env bash
# Runtimes of other languages change the process when their object is loaded, and dlclose, even
# their own shutting down, leaves that behind.
#
# Go c-shared: handlers for five signals as soon as it is loaded, SIGPIPE among them though the host
# ignores it, threads that never end, and a mark (DF_1_NODELETE) that makes dlclose do nothing.
# Ada (gnatbind -a): handlers for five signals and an alternate stack for the loading thread. After
# dlclose the handlers and that stack lie in memory that is no longer mapped.
# COBOL: cob_init takes six signals, SIGINT, SIGHUP and SIGQUIT among them; cob_tidy does not put
# them back; after dlclose they point to nowhere. A signal that the host ignores is left alone.
# OpenMP: libgomp's threads wait in its code after the work is done, and libgomp is not marked
# NODELETE; hosts that closed such a module were seen to end by SIGSEGV. Here the host has opened
# libgomp once more with RTLD_NOLOAD | RTLD_NODELETE, which keeps it while the module itself goes.
#
# Versions: Go 1.19.8, GNAT 12.2.0, GnuCOBOL 3.1.2, libgomp of gcc 12.2.0, glibc 2.36 of Debian 12.
# Source: os/signal's page ("Non-Go programs that call Go code"; SIGPIPE there), GNAT's init.c,
# libcob's common.c, dlopen(3).
#
# Right for a host: it compares signal handlers, the alternate stack and the threads around load
# and unload, tells its owner, and pins every dependency that came with a module, so that what
# points into it stays valid. What stays is counted.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 golang-1.19-go=1.19.8-2 \
  gnat-12=12.2.0-14+deb12u1 gnucobol3=3.1.2-5+b1 libcob4=3.1.2-5+b1 libgomp1=12.2.0-14+deb12u1 binutils=2.40-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.go <<'END'
package main

import "C"

//export answer
func answer() C.int { return 42 }

func main() {}
END
HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off CC=gcc-12 \
  /usr/lib/go-1.19/bin/go build -buildmode=c-shared -o go.so module.go
cat > module.ads <<'END'
package Module is
   function Answer return Integer with Export, Convention => C, External_Name => "answer";
end Module;
END
cat > module.adb <<'END'
package body Module is
   function Answer return Integer is (42);
end Module;
END
gcc-12 -c -fPIC module.adb
gnatbind-12 -n -a -Lmodule module.ali -o b_module.adb
gcc-12 -c -fPIC b_module.adb
gcc-12 -shared -o ada.so module.o b_module.o -lgnat-12
cat > answer.cob <<'END'
       IDENTIFICATION DIVISION.
       PROGRAM-ID. answer.
       PROCEDURE DIVISION.
           MOVE 42 TO RETURN-CODE.
           GOBACK.
END
COB_CC=gcc-12 cobc -m -o cobol.so answer.cob
cat > module.c <<'END'
int answer(void) {
  int n = 39;
#pragma omp parallel num_threads(3) reduction(+ : n)
  ++n;
  return n;
}
END
gcc-12 -fopenmp -shared -fPIC -o openmp.so module.c
cat > host.c <<'END'
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int threads(void) {
  int n = -2;
  DIR *tasks = opendir("/proc/self/task");
  while (readdir(tasks)) ++n;
  closedir(tasks);
  return n;
}

static const char *owner(const void *address) {
  Dl_info from;
  return dladdr(address, &from) ? strrchr(from.dli_fname, '/') + 1 : "nowhere";
}

static void show(const char *when) {
  printf("  %s:", when);
  for (int number = 1; number < 32; ++number) {
    struct sigaction action;
    sigaction(number, NULL, &action);
    if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) continue;
    printf(" %s in %s,", sigabbrev_np(number), owner((void *)action.sa_handler));
  }
  stack_t stack;
  sigaltstack(NULL, &stack);
  if (!(stack.ss_flags & SS_DISABLE)) printf(" alternate stack in %s,", owner(stack.ss_sp));
  printf(" %s\n", threads() == 1 ? "one thread" : "more threads");
}

int main(int arguments, char **argument) { /* OBJECT FUNCTION... */
  void *object, *pinned = NULL;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  object = dlopen(argument[1], RTLD_NOW | RTLD_LOCAL);
  puts(argument[1]);
  show("loaded");
  for (int i = 2; i < arguments; ++i) {
    int result = ((int (*)(int))dlsym(object, argument[i]))(0);
    if (!strcmp(argument[i], "answer")) printf("  answer %d\n", result);
    show(argument[i]);
  }
  if (strstr(argument[1], "openmp")) pinned = dlopen("libgomp.so.1", RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
  if (pinned) dlclose(pinned);
  dlclose(object);
  show(dlopen(argument[1], RTLD_NOW | RTLD_NOLOAD) ? "closed, mapped" : "closed, gone");
  fflush(stdout);
  _Exit(0);
}
END
gcc-12 -w -o host host.c
{
  readelf -dW go.so | grep -o 'Flags: NODELETE'
  ./host ./go.so answer
  ./host ./ada.so answer
  ./host ./cobol.so cob_init answer cob_tidy
  ./host ./openmp.so answer
} > seen
go="BUS in go.so, FPE in go.so, SEGV in go.so, PIPE in go.so, URG in go.so, more threads"
ada() { echo "ILL in $1, ABRT in $1, BUS in $1, FPE in $1, SEGV in $1, alternate stack in $1, one thread"; }
cobol() { echo "HUP in $1, INT in $1, QUIT in $1, BUS in $1, FPE in $1, SEGV in $1, one thread"; }
cat > expected <<END
Flags: NODELETE
./go.so
  loaded: $go
  answer 42
  answer: $go
  closed, mapped: $go
./ada.so
  loaded: $(ada libgnat-12.so)
  answer 42
  answer: $(ada libgnat-12.so)
  closed, gone: $(ada nowhere)
./cobol.so
  loaded: one thread
  cob_init: $(cobol libcob.so.4)
  answer 42
  answer: $(cobol libcob.so.4)
  cob_tidy: $(cobol libcob.so.4)
  closed, gone: $(cobol nowhere)
./openmp.so
  loaded: one thread
  answer 42
  answer: more threads
  closed, gone: more threads
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
