#!/usr/bin/env bash
# glibc recognises a loaded object by the name it was opened with, before it looks at any file.
#
# An object is loaded from a memory file as /proc/self/fd/N. Its descriptor is closed, and N is
# used again for another memory file. dlopen of the same name then gives the first object: no
# error, no second mapping, the old code. Another spelling of the same path (/proc/PID/fd/N) gives
# the new one. After the last dlclose the name is free.
#
# Versions: glibc 2.36 of Debian 12. Source: dlopen(3) says that one object is not loaded twice;
# that the name alone decides is seen in elf/dl-load.c (_dl_map_object compares names first, device
# and inode only for a file it has opened).
#
# Right for a host: a descriptor from which an object was loaded stays open until that object is
# closed, so that its number, and with it its name, cannot be given to other content.

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

for version in 1 2; do
  echo "int answer(void) { return $version; }" | gcc-12 -shared -fPIC -o v$version.so -x c -
done
cat > host.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory_file(const char *path) {
  static char bytes[1 << 20];
  int from = open(path, O_RDONLY), to = memfd_create("module", MFD_CLOEXEC);
  if (write(to, bytes, read(from, bytes, sizeof bytes)) < 1) return -1;
  close(from);
  return to;
}

static void *load(const char *name, const char *what) {
  void *object = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  int (*answer)(void) = object ? (int (*)(void))dlsym(object, "answer") : NULL;
  printf("%s: version %d\n", what, answer ? answer() : -1);
  return object;
}

int main(void) {
  char by_self[64], by_pid[64];
  int first = memory_file("v1.so");
  snprintf(by_self, sizeof by_self, "/proc/self/fd/%d", first);
  snprintf(by_pid, sizeof by_pid, "/proc/%d/fd/%d", getpid(), first);
  void *one = load(by_self, "first file, /proc/self/fd/N");
  close(first);
  printf("descriptor used again: %s\n", memory_file("v2.so") == first ? "yes" : "no");
  void *two = load(by_self, "second file, /proc/self/fd/N");
  printf("same handle: %s\n", one == two ? "yes" : "no");
  load(by_pid, "second file, /proc/PID/fd/N");
  dlclose(one);
  dlclose(two);
  load(by_self, "second file, /proc/self/fd/N after dlclose");
}
END
gcc-12 -o host host.c
./host > seen
cat > expected <<'END'
first file, /proc/self/fd/N: version 1
descriptor used again: yes
second file, /proc/self/fd/N: version 1
same handle: yes
second file, /proc/PID/fd/N: version 2
second file, /proc/self/fd/N after dlclose: version 2
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
