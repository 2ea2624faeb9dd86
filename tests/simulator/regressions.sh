#!/usr/bin/env bash
# Every run of regressions.txt, with the program that is the first argument: each must end with 0.
set -euo pipefail
failed=0 count=0 said=$(mktemp)
trap 'rm -f "$said"' EXIT
while read -r line; do
  case $line in '' | '#'*) continue ;; esac
  read -ra words <<<"$line"
  options=()
  for ((i = 0; i < ${#words[@]}; i += 2)); do
    [[ ${words[i]} == --* ]] || break
    options+=("${words[i]}" "${words[i + 1]}")
  done
  count=$((count + 1))
  if ! "$1" "${options[@]}" >"$said" 2>&1; then
    failed=$((failed + 1))
    echo "broken again: $line"
    head -n 3 "$said"
  fi
done <"$(dirname "${BASH_SOURCE[0]}")/regressions.txt"
echo "$((count - failed)) of $count runs hold"
[ "$failed" = 0 ] && [ "$count" -gt 0 ]
