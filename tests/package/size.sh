#!/usr/bin/env bash
# The stripped shared library stays within 1.5 MiB.
set -euo pipefail
limit=$((3 * 1024 * 1024 / 2))
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
strip -o "$stripped" "$1"
size=$(stat -c %s "$stripped")
if [ "$size" -le "$limit" ]; then echo "reach library_stripped_bytes $size $limit ok"
else echo "reach library_stripped_bytes $size $limit short"; exit 1; fi
