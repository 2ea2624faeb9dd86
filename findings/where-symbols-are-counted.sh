#!/usr/bin/env bash
# Neither the section headers nor the hash table of a shared object tell how many symbols it has.
#
# The loader needs no section headers: without them (llvm-objcopy --strip-sections) an object loads
# and answers as before, while nm and objdump find no symbols in it; readelf finds them with -D.
# DT_SYMTAB gives an address and no length. DT_HASH would hold the number of symbols, but today's
# linkers write DT_GNU_HASH alone, which lists defined symbols only. Its chains end at the last one,
# so they give the number where anything is exported. Where nothing is, gold and lld write the
# number as the first hashed index, and GNU ld writes 1, with eight symbols in the table.
#
# Versions: binutils 2.40 (ld, gold, nm, readelf), lld and llvm-objcopy 14.0.6, glibc 2.36,
# gcc 12.2.0 of Debian 12. Source: gABI chapters 4 and 5 (section headers are optional for
# execution; "Hash Table"); bfd/elflink.c (empty .gnu.hash).
#
# Right for a host that checks an object before it loads it: what the loader reads counts (program
# headers, dynamic section), not the sections. Imported names are found by the symbol indices of the
# relocations as well, so that an object without exports, or without section headers, hides none.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc6=2.36-9+deb12u14 gcc-12=12.2.0-14+deb12u1 binutils=2.40-2 \
  lld-14=1:14.0.6-12 llvm-14=1:14.0.6-12
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > module.c <<'END'
#include <stdlib.h>
#include <string.h>
int answer(void) { return abs(rand()) - (int)strlen(getenv("HOME")) < 0; }
END
echo '{ local: *; };' > map
cat > host.c <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(void) {
  void *object = dlopen("./bare.so", RTLD_NOW | RTLD_LOCAL);
  printf("the loader: %s\n", object && dlsym(object, "answer") ? "loads it and finds answer" : dlerror());
}
END
gcc-12 -o host host.c
entries() { readelf "$@" | grep -cE '^ +[0-9]+: [0-9a-f]+ ' || true; }
{
  gcc-12 -shared -fPIC -o module.so module.c
  llvm-objcopy-14 --strip-sections module.so bare.so
  echo "section headers: $(readelf -hW bare.so | awk '/Number of section headers/ { print $NF }')"
  ./host
  echo "nm -D: $(nm -D bare.so 2>&1 | sed 's/.*: //')"
  echo "objdump -T: $(objdump -T bare.so 2>&1 > /dev/null | sed 's/.*: //')"
  echo "readelf --dyn-syms: $(entries -W --dyn-syms bare.so) symbols"
  echo "readelf -D -s: $(entries -W -D -s bare.so) symbols"
  for ld in bfd gold lld; do
    gcc-12 -B/usr/lib/llvm-14/bin -fuse-ld=$ld -shared -fPIC -Wl,--version-script=map -o none.so module.c
    objcopy --dump-section .gnu.hash=hash none.so /dev/null
    echo "nothing exported, $ld: $(entries -W --dyn-syms none.so) symbols," \
      "first hashed $(od -An -tu4 -j4 -N4 hash | xargs), $(readelf -dW none.so | grep -c '(HASH)' || true) DT_HASH"
  done
} > seen
cat > expected <<'END'
section headers: 0
the loader: loads it and finds answer
nm -D: no symbols
objdump -T: invalid operation
readelf --dyn-syms: 0 symbols
readelf -D -s: 9 symbols
nothing exported, bfd: 8 symbols, first hashed 1, 0 DT_HASH
nothing exported, gold: 8 symbols, first hashed 8, 0 DT_HASH
nothing exported, lld: 8 symbols, first hashed 8, 0 DT_HASH
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
