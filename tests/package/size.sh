#!/usr/bin/env bash
#     size.sh LIBRARY [core | everything]
# The stripped shared library stays within 1.75 MiB, or with every optional part within 2.5 MiB.
set -euo pipefail
case ${2:-core} in
  core) name=library_stripped_bytes limit=$((7 * 1024 * 1024 / 4)) ;;
  everything) name=library_everything_stripped_bytes limit=$((5 * 1024 * 1024 / 2)) ;;
  *) sed -n '2,3s/^# *//p' "$0" >&2; exit 2 ;;
esac
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$1"
size=$(stat -c %s "$stripped")
if [ "$size" -le "$limit" ]; then echo "reach $name $size $limit ok"
else echo "reach $name $size $limit short"; exit 1; fi
