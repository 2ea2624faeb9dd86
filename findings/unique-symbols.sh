#!/usr/bin/env bash
# Two versions of one C++ object, both opened with RTLD_LOCAL, share their inline variables.
#
# g++ marks an inline variable (and a static of an inline function or template) STB_GNU_UNIQUE.
# Such a symbol is bound once for the whole process, whatever RTLD_LOCAL says, so the second
# version works on the first one's variable. Its constructor is guarded by a shared variable too,
# and does not run again. And the first object is never unmapped. clang++ does not mark symbols
# so, nor does g++ with -fno-gnu-unique or a version script that makes them local.
#
# Versions: gcc 12.2.0, clang 14.0.6, glibc 2.36 of Debian 12. Source: GCC manual, "Code Gen
# Options", -fno-gnu-unique; glibc elf/dl-lookup.c (do_lookup_unique).
#
# Right for a host: an object with a STB_GNU_UNIQUE symbol in .dynsym is refused as a replaceable
# module, since its second version would answer with the first one's state. The build line hides
# such symbols by a version script: -fvisibility=hidden alone leaves those of namespace std.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 g++-12=12.2.0-14+deb12u1 \
  clang-14=1:14.0.6-12 binutils=2.40-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.cc <<'END'
#include <cstdlib>
inline int version = std::atoi(VERSION);
extern "C" int answer() { return version; }
END
echo '{ global: answer; local: *; };' > map
build() { # COMPILER OPTIONS...
  for version in 1 2; do "$@" -std=c++17 -shared -fPIC -DVERSION="\"$version\"" -o v$version.so module.cc; done
}
cat > host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static int mapped(const char *name) {
  char line[4096];
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) found |= strstr(line, name) != NULL;
  fclose(maps);
  return found;
}

int main(void) {
  dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL); /* as in a host that is C++ itself */
  void *one = dlopen("./v1.so", RTLD_NOW | RTLD_LOCAL);
  printf("version 1 says %d, ", ((int (*)(void))dlsym(one, "answer"))());
  dlclose(one);
  printf("%s after dlclose, ", mapped("/v1.so") ? "stays" : "is unmapped");
  void *two = dlopen("./v2.so", RTLD_NOW | RTLD_LOCAL);
  printf("version 2 says %d\n", ((int (*)(void))dlsym(two, "answer"))());
}
END
gcc-12 -o host host.c
{
  for how in "g++-12" "g++-12 -fno-gnu-unique" "g++-12 -Wl,--version-script=map" "clang++-14"; do
    # shellcheck disable=SC2086 # words of a command
    build $how
    echo "$how: $(nm -D --defined-only v1.so | grep -c ' u ' || true) unique symbols, $(./host)"
  done
} > seen
cat > expected <<'END'
g++-12: 2 unique symbols, version 1 says 1, stays after dlclose, version 2 says 1
g++-12 -fno-gnu-unique: 0 unique symbols, version 1 says 1, is unmapped after dlclose, version 2 says 2
g++-12 -Wl,--version-script=map: 0 unique symbols, version 1 says 1, is unmapped after dlclose, version 2 says 2
clang++-14: 0 unique symbols, version 1 says 1, is unmapped after dlclose, version 2 says 2
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
