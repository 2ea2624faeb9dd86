#!/usr/bin/env bash
# Two modules bring different libraries of one soname, and the second module gets the first one's.
#
# Each module finds its libfoo.so.1 by an rpath of its own. The loader compares the soname that a
# module needs with those already in memory before it searches any path. So the second module runs
# on the first one's library, without an error. After the first module and its library are gone,
# the second would have found its own: the order of loading decides.
# dlmopen tells them apart, but is no cure: a process has room for 15 more namespaces, and for 11
# where each holds a C library of its own, whose static TLS comes from one small surplus.
#
# Versions: glibc 2.36, gcc 12.2.0 of Debian 12 (x86-64). Source: ld.so(8), dlmopen(3) (16
# namespaces), glibc manual, "Dynamic Linking Tunables" (glibc.rtld.nns); gABI chapter 5
# (DT_SONAME).
#
# Right for a host: at load it looks up each DT_NEEDED of a module among the objects in memory, and
# says so when one of that soname is there from another place than the module's search path leads
# to. Modules link statically what the C library does not bring.

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

mkdir a b
for i in a b; do
  echo "int which(void) { return '$i'; }" | gcc-12 -shared -fPIC -Wl,-soname,libfoo.so.1 -o $i/libfoo.so.1 -x c -
  echo "int which(void); int answer(void) { return which(); }" > module.c
  gcc-12 -shared -fPIC -Wl,--as-needed -Wl,-rpath,"\$ORIGIN/$i" -o module_$i.so module.c $i/libfoo.so.1
done
echo 'int puts(const char *); int answer(void) { return puts(""); }' > with_libc.c
gcc-12 -shared -fPIC -o with_libc.so with_libc.c
cat > host.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

static void say(const char *what, void *object) {
  printf("%s: library %c\n", what, object ? ((int (*)(void))dlsym(object, "answer"))() : '?');
}

static void count(const char *path) {
  int n = 0;
  while (dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL)) ++n;
  printf("dlmopen of %s: %d times, then %s\n", path, n, dlerror());
}

int main(int arguments, char **argument) {
  if (arguments > 1) {
    count(argument[1]);
    return 0;
  }
  void *a = dlopen("./module_a.so", RTLD_NOW | RTLD_LOCAL), *b = dlopen("./module_b.so", RTLD_NOW | RTLD_LOCAL);
  say("module a", a);
  say("module b", b);
  say("module b in a namespace of its own", dlmopen(LM_ID_NEWLM, "./module_b.so", RTLD_NOW | RTLD_LOCAL));
  dlclose(b);
  dlclose(a);
  say("module b again, after both were closed", dlopen("./module_b.so", RTLD_NOW | RTLD_LOCAL));
}
END
gcc-12 -o host host.c
{
  ./host
  ./host ./module_a.so
  ./host ./with_libc.so
  echo "with glibc.rtld.nns=16:"
  GLIBC_TUNABLES=glibc.rtld.nns=16 ./host ./with_libc.so
} > seen
cat > expected <<'END'
module a: library a
module b: library a
module b in a namespace of its own: library b
module b again, after both were closed: library b
dlmopen of ./module_a.so: 15 times, then ./module_a.so: no more namespaces available for dlmopen(): Invalid argument
dlmopen of ./with_libc.so: 11 times, then /lib/x86_64-linux-gnu/libc.so.6: cannot allocate memory in static TLS block
with glibc.rtld.nns=16:
dlmopen of ./with_libc.so: 15 times, then ./with_libc.so: no more namespaces available for dlmopen(): Invalid argument
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
