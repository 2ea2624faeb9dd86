#!/usr/bin/env bash
# No file given (the shipped libraries) holds a bug that can be planted; the last one (the simulator) does, so that the test can see them.
set -euo pipefail
libraries=("${@:1:$#-1}")
simulator=${*: -1}
# grep reads to the end, since a pipe closed early would count as a failure.
holds_plants() { nm --demangle "$1" 2>/dev/null | grep 'simulator::planted' >/dev/null || strings -a "$1" | grep 'rollup-counts-twice' >/dev/null; }
if ! holds_plants "$simulator"; then echo "the simulator itself holds no plants: this test would see none"; exit 1; fi
for library in "${libraries[@]}"; do
  if holds_plants "$library"; then echo "$library holds plants"; exit 1; fi
done
echo "no plants in ${#libraries[@]} libraries"
