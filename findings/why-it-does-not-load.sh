#!/usr/bin/env bash
# Two objects that cannot load in a host, and errors that do not say why.
#
# An object built for musl needs "libc.so". On a machine with libc6-dev that name is a linker
# script, a text file in the search path, and glibc says that it has an invalid ELF header; where
# it is missing, that it cannot be opened. Either way the words name a C library's file and not the
# cause. Nothing else marks the object: no note, no interpreter, the same ELF header. It imports
# without version (no DT_VERNEED), which objects for glibc do not.
# An object built by clang -fsanitize=address needs no library of that name, unlike gcc's: clang's
# runtime is linked into the program only. It fails at the first missing __asan_ symbol. gcc's
# object needs libasan.so.8, whose constructor ends the whole process inside dlopen, with status 1
# and a line on stderr; dlopen does not return.
#
# Versions: musl 1.2.3, libc6-dev 2.36, gcc 12.2.0, clang 14.0.6 of Debian 12. Source:
# musl-gcc.specs and musl's FAQ; clang's AddressSanitizer page (shared objects do not get the
# runtime); the sanitizers' wiki on dlopen.
#
# Right for a host: before dlopen it reads DT_NEEDED and the undefined symbols. libc.so or
# libc.musl-* without libc.so.6 is "built for musl". __asan_, __tsan_, __msan_ or libasan, libtsan
# is "built with a sanitizer", refused: by the symbols, since clang's objects have no other sign.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 libc6-dev=2.36-9+deb12u14 \
  clang-14=1:14.0.6-12 binutils=2.40-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.c <<'END'
#include <stdio.h>
int answer(int *numbers) { return puts("") + numbers[1]; }
END
cat > host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(int arguments, char **argument) {
  puts(dlopen(argument[arguments - 1], RTLD_NOW | RTLD_LOCAL) ? "loads" : dlerror());
}
END
gcc-12 -o host host.c
for package in musl musl-dev; do
  apt-get -qq -o APT::Sandbox::User=root download $package=1.2.3-1
  dpkg -x ${package}_*.deb root
done
cp root/lib/x86_64-linux-musl/libc.so root/usr/lib/x86_64-linux-musl
sed "s|/usr/include|$PWD/root&|g; s|/usr/lib/x|$PWD/root&|g" root/usr/lib/x86_64-linux-musl/musl-gcc.specs > specs
gcc-12 -specs=specs -shared -fPIC -o musl.so module.c
gcc-12 -shared -fPIC -o glibc.so module.c
gcc-12 -fsanitize=address -shared -fPIC -o gcc_asan.so module.c
clang-14 -fsanitize=address -shared -fPIC -o clang_asan.so module.c
for object in glibc musl gcc_asan clang_asan; do
  echo "$object.so needs $(readelf -dW $object.so | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | paste -sd ' ')," \
    "$(readelf -dW $object.so | grep -c VERNEEDNUM || true) version tables," \
    "$(nm -D --undefined-only $object.so | grep -q __asan_ && echo imports || echo no) __asan_ symbols"
  [ $object = gcc_asan ] || ./host ./$object.so | sed "s/__asan_.*/__asan_.../"
done > seen
cat > expected <<'END'
glibc.so needs libc.so.6, 1 version tables, no __asan_ symbols
loads
musl.so needs libc.so, 0 version tables, no __asan_ symbols
/lib/x86_64-linux-gnu/libc.so: invalid ELF header
gcc_asan.so needs libasan.so.8 libc.so.6, 1 version tables, imports __asan_ symbols
clang_asan.so needs libc.so.6, 1 version tables, imports __asan_ symbols
./clang_asan.so: undefined symbol: __asan_...
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
