#!/usr/bin/env bash
# Installs into a prefix, moves the prefix, and from there builds and runs hosts of three lines in C and in C++, outside the tree: by
# CMake and by pkg-config, with the shared and with the static library. So are modules, from the headers alone.
#     check.sh BUILD
set -euo pipefail
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
hosts=$here/hosts
. "$here/shown_and_needed.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/pinnate-package-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
unset CMAKE_PREFIX_PATH PKG_CONFIG_PATH LD_LIBRARY_PATH CFLAGS CXXFLAGS LDFLAGS

quietly() { "$@" >log 2>&1 || { echo "failed: $*" >&2; cat log >&2; exit 1; }; }
wrong() { echo "$*" >&2; exit 1; }

# Two prefixes: `all` has everything, `static` no shared library, so that a linker has no choice.
quietly cmake --install "$build" --prefix "$work/first"
mv first all
for component in development static; do
  quietly cmake --install "$build" --component "$component" --prefix "$work/static"
done
rm -f "$work"/static/lib*/libpinnate.so "$work"/static/lib*/*/libpinnate.so

pc() { dirname "$(find "$work/$1" -name pinnate.pc)"; }
so=$(dirname "$(find "$work/all" -name 'libpinnate.so.0')")
version=$(PKG_CONFIG_PATH=$(pc all) pkg-config --modversion pinnate)
! grep -rIl --include='*.cmake' --include='*.pc' -e "$build" -e "$work" all || wrong "the files above name the build folder"

# expect PROGRAM shared|static: it runs, tells the version, and was linked as said.
expect() {
  local said needs=no
  said=$(LD_LIBRARY_PATH=$so "$1") || wrong "$1 does not run"
  [ "$said" = "$version" ] || wrong "$1 said '$said', expected '$version'"
  # Not a pipe: grep -q would end readelf early.
  if [[ $(readelf -d "$1") == *'[libpinnate.so.0]'* ]]; then needs=yes; fi
  case $2-$needs in
    shared-yes | static-no) echo "ok $1" ;;
    *) wrong "$1: expected to be linked $2, needs libpinnate.so.0: $needs" ;;
  esac
}

for language in C CXX; do
  quietly cmake -G Ninja -S "$hosts/$language" -B "cmake-$language" -DCMAKE_PREFIX_PATH="$work/all" -DPINNATE_EXPECTED="$version"
  quietly cmake --build "cmake-$language"
  expect "cmake-$language/host-shared" shared
  expect "cmake-$language/host-static" static

  if [ "$language" = C ]; then compiler=cc source=$hosts/C/host.c; else compiler=c++ source=$hosts/CXX/host.cc; fi
  read -ra flags <<<"$(PKG_CONFIG_PATH=$(pc all) pkg-config --cflags --libs pinnate)"
  quietly "$compiler" "$source" "${flags[@]}" -o "pkg-config-$language-shared"
  expect "./pkg-config-$language-shared" shared
  read -ra flags <<<"$(PKG_CONFIG_PATH=$(pc static) pkg-config --static --cflags --libs pinnate)"
  quietly "$compiler" "$source" "${flags[@]}" -o "pkg-config-$language-static"
  expect "./pkg-config-$language-static" static
done

quietly cmake --install "$build" --component development --prefix "$work/headers"
rm -f "$work"/headers/lib*/libpinnate.so "$work"/headers/lib*/*/libpinnate.so
quietly cmake -G Ninja -S "$here/module" -B modules -DCMAKE_PREFIX_PATH="$work/headers" \
  -DTEMPLATE="$here/../../samples/modules/templates/c/module.c"
quietly cmake --build modules
shown_and_needed modules/in_c.so modules/in_cxx.so
echo "ok pinnate_add_module"

# A version that nobody promised is not found.
if cmake -S "$hosts/C" -B refused -DCMAKE_PREFIX_PATH="$work/all" -DPINNATE_EXPECTED=99.0 >/dev/null 2>&1; then
  wrong "find_package(pinnate 99.0) found $version"
fi

if [ -e all/bin/pinnate ]; then
  quietly env -u LD_LIBRARY_PATH all/bin/pinnate version
  find all/share/pinnate/modules -name '*.so' | grep -q . || wrong "no sample module was installed"
  echo "ok bin/pinnate"
elif [ -e "$build/bin/pinnate" ]; then
  wrong "bin/pinnate was built but not installed"
fi
