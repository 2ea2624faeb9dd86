#!/usr/bin/env bash
# Every public header compiles alone, first and twice in a file, as C99 and as C++11 to C++20, without one warning.
set -euo pipefail
include=$(cd "$(dirname "$0")/../../include" && pwd)
warnings=(-pedantic -Wall -Wextra -Werror -fsyntax-only -I "$include")
failed=0 checked=0

compile() {  # compile COMPILER LANGUAGE STANDARD HEADER
  local words
  checked=$((checked + 1))
  if ! words=$(printf '#include <%s>\n#include <%s>\nint pinnate_header_test;\n' "$4" "$4" |
               "$1" "${warnings[@]}" -x "$2" -std="$3" - 2>&1); then
    failed=$((failed + 1))
    printf '%s does not compile with %s -std=%s:\n%s\n' "$4" "$1" "$3" "$words" >&2
  fi
}

for pair in gcc:g++ clang:clang++; do
  c=${pair%:*} cxx=${pair#*:}
  command -v "$c" "$cxx" >/dev/null || { echo "no $c here: not checked with it"; continue; }
  for header in "$include"/pinnate/*.h; do
    header=${header#"$include"/}
    compile "$c" c c99 "$header"
    for standard in c++11 c++14 c++17 c++20; do compile "$cxx" c++ "$standard" "$header"; done
  done
done
echo "$checked compilations, $failed failed"
[ "$checked" -gt 0 ] && [ "$failed" -eq 0 ]
