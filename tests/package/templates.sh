#!/usr/bin/env bash
#     templates.sh MODULES
# The templates in C and in C++ are what they promise: under 40 lines each, and valid in every standard. They and the other samples, as
# they were built into the folder MODULES, show and need no more than a module should; so does one that uses much of the C++ library,
# built by the line that module.h gives.
set -euo pipefail
modules=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../.." && pwd)
templates=$root/samples/modules/templates
. "$root/tests/package/shown_and_needed.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/pinnate-templates-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
wrong() { echo "$*" >&2; exit 1; }

compile() { "$@" -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$root/include" || wrong "failed: $*"; }
compile cc -std=c99 "$templates/c/module.c"
for standard in 11 14 17 20; do compile c++ "-std=c++$standard" "$templates/c++/module.cc"; done
for source in c/module.c c++/module.cc; do
  lines=$(wc -l <"$templates/$source")
  [ "$lines" -lt 40 ] || wrong "$source has $lines lines"
done

for name in template-c template-cc anomaly-1.0.0 thumbnail-1.0.0 thumbnail-1.1.0; do
  file=$modules/$name.so
  case $name in
    thumbnail-*) [ -e "$file" ] || continue ;;  # built only where libjpeg is
  esac
  shown_and_needed "$file"
  echo "ok $name"
done

# The lines of module.h, from `cc` or `c++` to the name of the source.
line() {
  sed -n "/^ \*   $1 /,/NAME\.$2\$/s/^ \*//p" "$root/include/pinnate/module.h" | tr '\n' ' ' | sed "s,INCLUDE,$root/include,g; s,NAME,rich,g"
}
cp "$templates/c/module.c" rich.c
cp "$root/tests/package/rich_module.cc" rich.cc
for pair in cc:c c++:cc; do
  command=$(line "${pair%:*}" "${pair#*:}")
  bash -euc "$command" || wrong "module.h's line does not build: $command"
  shown_and_needed rich.so
  echo "ok$command"
  rm rich.so
done
