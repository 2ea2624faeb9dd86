#!/usr/bin/env bash
# gdb shows no names for code that was loaded from /proc/self/fd/N.
#
# The loader's list of objects holds the name that dlopen was given. gdb opens that name itself, and
# /proc/self is then gdb: it finds no such file, or another one. The frames are "??", and with them
# goes the way back to the caller. The same memory file opened as /proc/PID/fd/N, with the number of
# the loading process, has names and lines. Attaching to a process with such objects was also seen
# to block for ever, past SIGTERM.
#
# Versions: gdb 13.1, glibc 2.36, gcc 12.2.0 of Debian 12. Source: proc(5); gdb manual, "Commands to
# Specify Files" (shared libraries are found by the names in the inferior); r_debug in <link.h>.
#
# Right for a host: objects in memory files are loaded by /proc/PID/fd/N. After fork the number is
# the parent's: a child must not load by a name made before. What dladdr and a backtrace print is
# this name too, so the host keeps a table from it to what was loaded.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 gdb=13.1-3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.c <<'END'
int inner(void) {
  __asm__ volatile("int3");
  return 1;
}
int answer(void) { return inner() + 1; }
END
gcc-12 -g -O0 -shared -fPIC -o module.so module.c
cat > host.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static char bytes[1 << 20];

int main(int arguments, char **argument) {
  char name[64], *self = argument[1];
  int from = open("module.so", O_RDONLY);
  int to = fcntl(memfd_create("module", 0), F_DUPFD_CLOEXEC, 500); /* the same number in each run */
  if (write(to, bytes, read(from, bytes, sizeof bytes)) < 1) return 1;
  if (self[0] == 's')
    snprintf(name, sizeof name, "/proc/self/fd/%d", to);
  else
    snprintf(name, sizeof name, "/proc/%d/fd/%d", getpid(), to);
  ((int (*)(void))dlsym(dlopen(name, RTLD_NOW | RTLD_LOCAL), "answer"))();
  return arguments == 0;
}
END
gcc-12 -g -o host host.c
for name in self pid; do
  echo "/proc/$name/fd/N:"
  timeout -k 5 60 gdb -nx -batch -iex 'set debuginfod enabled off' -ex run -ex backtrace --args ./host $name \
    2> /dev/null |
    sed -n -e 's/^#.* in ?? ().*/  ??/p' \
      -e 's/^#[0-9]* *\(0x[0-9a-f]* in \)\?\([a-z]*\) (.*) at \([a-z.]*\):.*/  \2 in \3/p' | uniq
done > seen
cat > expected <<'END'
/proc/self/fd/N:
  ??
  main in host.c
/proc/pid/fd/N:
  inner in module.c
  answer in module.c
  main in host.c
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
