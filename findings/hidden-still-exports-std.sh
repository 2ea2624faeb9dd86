#!/usr/bin/env bash
# -fvisibility=hidden leaves a C++ object's copies of std:: templates exported, and libstdc++ may
# bind to them and so keep the object mapped for ever.
#
# libstdc++ declares namespace std with default visibility. What a module instantiates of it is
# therefore exported, -fvisibility-inlines-hidden or not. When the module is what brings
# libstdc++.so.6 into a C host, the loader searches the module before libstdc++ for libstdc++'s own
# references. It binds them to the module's copies, and since libstdc++ itself can never be
# unloaded (it has STB_GNU_UNIQUE symbols), neither can the module: code of a withdrawn module
# goes on running inside libstdc++. Nothing says so; dlclose returns 0.
# With -static-libstdc++ it is worse: hundreds of symbols of libstdc++.a are exported, unique ones
# among them, which keep the object too. --exclude-libs,ALL hides what comes from the archive, but
# not the instantiations. A version script hides all.
#
# Versions: gcc 12.2.0, binutils 2.40, glibc 2.36 of Debian 12. Source: libstdc++'s c++config.h
# (_GLIBCXX_VISIBILITY), ld manual (--exclude-libs, VERSION), LD_DEBUG=bindings in ld.so(8).
#
# Right for a host: build lines use a version script with one global name, and the check of an
# object warns of any other export, whichever flags its author says were used.

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
  libstdc++6=12.2.0-14+deb12u1 binutils=2.40-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.cc <<'END'
#include <string>
extern "C" __attribute__((visibility("default"))) int answer(int n) {
  std::string words(n, 'x');
  return static_cast<int>((words + std::string(words.begin(), words.end())).size());
}
END
echo '{ global: answer; local: *; };' > map
cat > host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char line[4096];
  int stays = 0;
  void *object = dlopen("./module.so", RTLD_NOW | RTLD_LOCAL);
  int answer = ((int (*)(int))dlsym(object, "answer"))(3);
  int closed = dlclose(object);
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps)) stays |= strstr(line, "/module.so") != NULL;
  printf("answer %d, dlclose %d, %s\n", answer, closed, stays ? "stays mapped" : "is unmapped");
}
END
gcc-12 -o host host.c
static="-static-libstdc++ -static-libgcc"
for how in "-fvisibility=hidden" "-fvisibility=hidden -fvisibility-inlines-hidden" \
  "-Wl,--version-script=map" "$static -fvisibility=hidden" \
  "$static -fvisibility=hidden -Wl,--exclude-libs,ALL" \
  "$static -Wl,--version-script=map"; do
  # shellcheck disable=SC2086 # words of a command
  g++-12 -std=c++17 -shared -fPIC $how -o module.so module.cc
  others=$(nm -D --defined-only module.so | grep -vc ' answer$' || true)
  case $others in 0) others=no ;; ? | ??) others=some ;; *) others="hundreds of" ;; esac
  bound=$(LD_DEBUG=bindings ./host 2>&1 | grep -c 'binding file .*/libstdc++.so.6 .* to ./module.so' || true)
  if [ "$bound" = 0 ]; then bound=no; else bound=yes; fi
  echo "$how:"
  echo "  $others other exports, libstdc++.so.6 bound to it: $bound, $(./host)"
done > seen
cat > expected <<'END'
-fvisibility=hidden:
  some other exports, libstdc++.so.6 bound to it: yes, answer 6, dlclose 0, stays mapped
-fvisibility=hidden -fvisibility-inlines-hidden:
  some other exports, libstdc++.so.6 bound to it: yes, answer 6, dlclose 0, stays mapped
-Wl,--version-script=map:
  no other exports, libstdc++.so.6 bound to it: no, answer 6, dlclose 0, is unmapped
-static-libstdc++ -static-libgcc -fvisibility=hidden:
  hundreds of other exports, libstdc++.so.6 bound to it: no, answer 6, dlclose 0, stays mapped
-static-libstdc++ -static-libgcc -fvisibility=hidden -Wl,--exclude-libs,ALL:
  some other exports, libstdc++.so.6 bound to it: no, answer 6, dlclose 0, is unmapped
-static-libstdc++ -static-libgcc -Wl,--version-script=map:
  no other exports, libstdc++.so.6 bound to it: no, answer 6, dlclose 0, is unmapped
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
