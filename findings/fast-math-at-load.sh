#!/usr/bin/env bash
# Opening an object that was linked with -ffast-math changes the floating-point arithmetic of the
# thread that opens it, and of every thread that this one starts later. dlclose does not undo it.
#
# gcc 12 (and clang 14, which uses gcc's start files) links crtfastm.o into a shared object when
# -ffast-math is given at the link. Its constructor sets two bits of MXCSR: denormal numbers count
# as zero from then on. Threads that already ran keep theirs, so one function gives two results on
# two threads. With -ffast-math at compiling alone nothing happens. -Ofast does the same.
#
# Versions: gcc 12.2.0, clang 14.0.6, glibc 2.36 of Debian 12 (x86-64). Source: GCC manual,
# -ffast-math; GCC 13 release notes, "Caveats", say that -shared no longer does so; clone(2)
# children start with a copy of the registers.
#
# Right for a host: MXCSR is saved before dlopen, create and every call of foreign code, and put
# back after it. It is enough to do so on the thread that loads.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 clang-14=1:14.0.6-12
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

echo 'int answer(void) { return 1; }' > module.c
cat > host.c <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <xmmintrin.h>

static pthread_barrier_t barrier;
static volatile double tiny = 1e-310;

static const char *kept(void) { return tiny * 0.5 != 0 ? "kept" : "zero"; }

static void *show(void *who) {
  printf(", %s %s", (char *)who, kept());
  return NULL;
}

static void *show_later(void *who) {
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return show(who);
}

int main(void) {
  pthread_t older, newer;
  pthread_barrier_init(&barrier, NULL, 2);
  pthread_create(&older, NULL, show_later, "an older thread");
  pthread_barrier_wait(&barrier);
  printf("denormals: before %s", kept());
  void *object = dlopen("./module.so", RTLD_NOW | RTLD_LOCAL);
  printf(", loaded %s", kept());
  dlclose(object);
  printf(", closed %s", kept());
  pthread_create(&newer, NULL, show, "a new thread");
  pthread_join(newer, NULL);
  pthread_barrier_wait(&barrier);
  pthread_join(older, NULL);
  printf(", MXCSR &0x8040 = %04x\n", _mm_getcsr() & 0x8040);
}
END
gcc-12 -o host host.c
{
  for how in "gcc-12 -O2" "gcc-12 -O2 -ffast-math" "gcc-12 -Ofast" "clang-14 -O2 -ffast-math"; do
    # shellcheck disable=SC2086 # words of a command
    $how -shared -fPIC -o module.so module.c
    echo "$how: $(./host)"
  done
  gcc-12 -O2 -ffast-math -fPIC -c module.c
  gcc-12 -shared -o module.so module.o
  echo "gcc-12 -ffast-math -c, then gcc-12 -shared: $(./host)"
} > seen
off="denormals: before kept, loaded kept, closed kept, a new thread kept, an older thread kept, MXCSR &0x8040 = 0000"
on="denormals: before kept, loaded zero, closed zero, a new thread zero, an older thread kept, MXCSR &0x8040 = 8040"
cat > expected <<END
gcc-12 -O2: $off
gcc-12 -O2 -ffast-math: $on
gcc-12 -Ofast: $on
clang-14 -O2 -ffast-math: $on
gcc-12 -ffast-math -c, then gcc-12 -shared: $off
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
