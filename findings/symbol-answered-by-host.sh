#!/usr/bin/env bash
# A module's call of its own function can end in a library of the host.
#
# A C file defines compressBound and calls it. Compiled by gcc -O2 -shared -fPIC and opened with
# RTLD_LOCAL in a program that links libz, the call goes to libz: the program's libraries are
# searched first, also for a symbol that the object defines itself. The same file compiled by
# clang -O2 answers itself, since clang resolves calls inside one file while gcc keeps them
# replaceable. RTLD_LOCAL hides a module's symbols from others, not others' symbols from it.
#
# Versions: gcc 12.2.0, clang 14.0.6, binutils 2.40, glibc 2.36, zlib 1.2.13 of Debian 12. Source:
# dlopen(3), gABI chapter 5 ("Shared Object Dependencies"), GCC manual
# (-fno-semantic-interposition).
#
# Right for a host: a module exports its one entry and nothing else (hidden visibility for C, or a
# version script for any language). At load the host compares a module's other exports with what
# the process already defines and names the clash. RTLD_DEEPBIND and -Bsymbolic are no general
# answer: they also cut a C++ module off from what libstdc++ must share.

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
  binutils=2.40-2 zlib1g=1:1.2.13.dfsg-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.c <<'END'
unsigned long compressBound(unsigned long n) { return n + 1; }
__attribute__((visibility("default"))) unsigned long answer(void) { return compressBound(1000); }
END
echo '{ global: answer; local: *; };' > map
cat > host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
unsigned long compressBound(unsigned long);

int main(void) {
  void *object = dlopen("./module.so", RTLD_NOW | RTLD_LOCAL);
  unsigned long answer = ((unsigned long (*)(void))dlsym(object, "answer"))();
  printf("%s\n", answer == 1001 ? "its own" : answer == compressBound(1000) ? "that of libz" : "neither");
}
END
gcc-12 -o host host.c -l:libz.so.1
for how in "gcc-12 -O2" "gcc-12 -O2 -fno-semantic-interposition" "gcc-12 -O2 -fvisibility=hidden" \
  "gcc-12 -O2 -Wl,--version-script=map" "clang-14 -O2"; do
  # shellcheck disable=SC2086 # words of a command
  $how -shared -fPIC -o module.so module.c
  echo "$how: $(./host)"
done > seen
cat > expected <<'END'
gcc-12 -O2: that of libz
gcc-12 -O2 -fno-semantic-interposition: its own
gcc-12 -O2 -fvisibility=hidden: its own
gcc-12 -O2 -Wl,--version-script=map: its own
clang-14 -O2: its own
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
