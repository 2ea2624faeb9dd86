#!/usr/bin/env bash
# Replacing an object that has a little initial-exec TLS uses up room that dlclose does not give
# back, and after a few replacements dlopen fails.
#
# glibc keeps a small surplus of static TLS for objects that are loaded later. It is a stack: only
# what lies at its end is given back. Loading the new version before the old one is closed, as a
# swap without a gap does, leaves a hole each time. With 400 bytes the fifth load fails, although
# never more than two objects were open; with 64 bytes it takes a few dozen. Closed in the reverse
# order of their loading, all room comes back. TLS of the default model has no such limit.
#
# Versions: glibc 2.36, gcc 12.2.0 of Debian 12 (x86-64). Source: glibc manual, "Dynamic Linking
# Tunables" (glibc.rtld.optional_static_tls, 512 bytes unless set); glibc elf/dl-close.c;
# gABI chapter 5 (DF_STATIC_TLS).
#
# Right for a host: DF_STATIC_TLS with a PT_TLS segment is warned of when a module is published,
# with the size. When dlopen says "static TLS block", the host adds what helps: build without
# -ftls-model=initial-exec, restart the process, or start it with the tunable.

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
static __thread MODEL volatile char room[SIZE];
int answer(void) { return room[SIZE / 2]; }
END
build() { # SIZE MODEL
  gcc-12 -shared -fPIC -DSIZE="$1" -DMODEL="$2" -o 1.so module.c
  for i in 2 3 4 5 6 7 8 9; do cp 1.so $i.so; done
}
cat > host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void *objects[10];

static void *load(int i) {
  char name[16];
  snprintf(name, sizeof name, "./%d.so", i);
  return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

static int fill(void) { /* how many of nine are open at once */
  for (int i = 1; i < 10; ++i)
    if (!(objects[i] = load(i))) return i - 1;
  return 9;
}

int main(int count, char **arguments) {
  if (count > 1) { /* swaps: the new one is opened before the old one is closed */
    void *old = NULL, *next;
    int swaps = 0;
    while (swaps < 100 && (next = load(swaps % 2 + 1))) {
      if (old) dlclose(old);
      old = next;
      ++swaps;
    }
    printf("loads until the first failure: %s%d\n", swaps == 100 ? "more than " : "", swaps);
    return 0;
  }
  int n = fill();
  printf("open at once: %d, then %s\n", n, dlerror());
  for (int i = n; i > 0; --i) dlclose(objects[i]);
  n = fill();
  printf("all closed, last one first: %d\n", n);
  for (int i = 1; i <= n; ++i) dlclose(objects[i]);
  printf("all closed, first one first: %d\n", fill());
  return arguments == NULL;
}
END
gcc-12 -o host host.c
{
  build 400 '__attribute__((tls_model("initial-exec")))'
  readelf -dW 1.so | grep -o STATIC_TLS
  echo "400 bytes:"
  ./host
  ./host swaps
  echo "with glibc.rtld.optional_static_tls=4096:"
  GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096 ./host swaps
  build 64 '__attribute__((tls_model("initial-exec")))'
  echo "64 bytes:"
  ./host swaps
  build 400000 ''
  echo "400000 bytes of the default model:"
  ./host swaps
} > seen
cat > expected <<'END'
STATIC_TLS
400 bytes:
open at once: 4, then ./5.so: cannot allocate memory in static TLS block
all closed, last one first: 4
all closed, first one first: 1
loads until the first failure: 4
with glibc.rtld.optional_static_tls=4096:
loads until the first failure: 13
64 bytes:
loads until the first failure: 26
400000 bytes of the default model:
loads until the first failure: more than 100
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
