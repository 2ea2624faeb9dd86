#!/usr/bin/env bash
# The module templates are what they promise: under 40 lines each, valid in every standard, built by the command that they give
# themselves, exporting the descriptor, needing nothing of Pinnate, and holding nothing that would keep them from being unloaded.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
templates=$root/samples/modules/templates
work=$(mktemp -d "${TMPDIR:-/tmp}/pinnate-templates-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
wrong() { echo "$*" >&2; exit 1; }

compile() { "$@" -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$root/include" || wrong "failed: $*"; }
compile cc -std=c99 "$templates/module.c"
for standard in 11 14 17 20; do compile c++ "-std=c++$standard" "$templates/module.cc"; done

ln -s "$root/include" include
for source in module.c module.cc; do
  lines=$(wc -l <"$templates/$source")
  [ "$lines" -lt 40 ] || wrong "$source has $lines lines"
  cp "$templates/$source" .
  # "Build: COMMAND" in its first lines, up to two spaces or the end of the line.
  command=$(sed -n 's/^.*Build: \(.*\)$/\1/p' "$source" | sed 's/  .*//' | head -n 1)
  case $source-$command in
    module.c-cc\ * | module.cc-c++\ *-fno-gnu-unique\ *) ;;
    *) wrong "$source: its Build line is '$command'" ;;
  esac
  bash -euc "$command"
  exported=$(nm -D --defined-only --format=posix echo.so | grep -v -E '^_(init|fini) ' || true)
  grep -q '^pinnate_module ' <<<"$exported" || wrong "$source exports no pinnate_module: $exported"
  ! grep -q -E '^[^ ]+ u ' <<<"$exported" || wrong "$source has GNU-unique symbols, and would never be unloaded: $exported"
  ! readelf -d echo.so | grep -q -E 'NEEDED.*pinnate|NODELETE' || wrong "$source needs Pinnate, or may not be unloaded"
  ! nm -D --undefined-only echo.so | grep -q pinnate_ || wrong "$source refers to a function of Pinnate"
  echo "ok $source: $lines lines"
  rm echo.so
done
