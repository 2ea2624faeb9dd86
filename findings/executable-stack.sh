#!/usr/bin/env bash
# One assembler file without a note makes the stacks of all threads executable, for good.
#
# GNU ld takes an object file without a .note.GNU-stack section as one that needs an executable
# stack, and marks the whole shared object so (PT_GNU_STACK RWE; ld 2.40 warns). lld does not. When
# such an object is opened, glibc 2.36 changes the stack of the calling thread, of all other
# threads and of all that are started later. dlclose does not change them back.
#
# Versions: binutils 2.40, lld 14.0.6, glibc 2.36 of Debian 12 (x86-64). Source: ld manual (-z
# execstack, --warn-execstack); glibc elf/dl-load.c; NEWS of glibc 2.41: dlopen refuses instead.
#
# Right for a host: an object with an executable PT_GNU_STACK is refused before dlopen, and the
# words name the cure: -z noexecstack, or the missing section in an assembler file. No PT_GNU_STACK
# at all means the same on x86-64.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 clang-14=1:14.0.6-12 \
  lld-14=1:14.0.6-12 binutils=2.40-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.s <<'END'
.globl answer
.type answer, @function
answer:
  mov $1, %eax
  ret
END
cat > host.c <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static pthread_barrier_t barrier;

static void *show(void *who) { /* the rights of this thread's stack */
  char here, line[4096], rights[8];
  unsigned long from, to;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps))
    if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && from <= (unsigned long)&here &&
        (unsigned long)&here < to)
      printf("  %s %s\n", (char *)who, rights);
  fclose(maps);
  return NULL;
}

static void *show_twice(void *who) {
  show(who);
  pthread_barrier_wait(&barrier);
  pthread_barrier_wait(&barrier);
  return show(who);
}

int main(void) {
  pthread_t older, newer;
  pthread_barrier_init(&barrier, NULL, 2);
  pthread_create(&older, NULL, show_twice, "older thread");
  pthread_barrier_wait(&barrier);
  show("main thread");
  dlclose(dlopen("./module.so", RTLD_NOW | RTLD_LOCAL));
  puts("  opened and closed");
  show("main thread");
  pthread_barrier_wait(&barrier);
  pthread_join(older, NULL);
  pthread_create(&newer, NULL, show, "newer thread");
  pthread_join(newer, NULL);
}
END
gcc-12 -o host host.c
for how in "gcc-12 -fuse-ld=bfd" "gcc-12 -fuse-ld=bfd -Wl,-z,noexecstack" "clang-14 -fuse-ld=lld" \
  "clang-14 -fuse-ld=lld -Wl,-z,nognustack"; do
  # shellcheck disable=SC2086 # words of a command
  $how -shared -o module.so module.s 2> /dev/null
  flags=$(readelf -lW module.so | awk '$1 == "GNU_STACK" { print $7 }')
  echo "$how: PT_GNU_STACK ${flags:-missing}"
  ./host
done > seen
rights() { # AFTERWARDS
  printf '  %s\n' "older thread rw-p" "main thread rw-p" "opened and closed" "main thread $1" "older thread $1" \
    "newer thread $1"
}
{
  echo "gcc-12 -fuse-ld=bfd: PT_GNU_STACK RWE"
  rights rwxp
  echo "gcc-12 -fuse-ld=bfd -Wl,-z,noexecstack: PT_GNU_STACK RW"
  rights rw-p
  echo "clang-14 -fuse-ld=lld: PT_GNU_STACK RW"
  rights rw-p
  echo "clang-14 -fuse-ld=lld -Wl,-z,nognustack: PT_GNU_STACK missing"
  rights rwxp
} > expected
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
