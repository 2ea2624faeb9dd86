#!/usr/bin/env bash
# No file given (the shipped libraries) holds a bug that can be planted; the last one (the simulator) does, so that the test can see them.
set -euo pipefail
libraries=("${@:1:$#-1}")
simulator=${*: -1}
holds_plants() { nm --demangle "$1" 2>/dev/null | grep -q 'simulator::planted' || strings -a "$1" | grep -q 'rollup-counts-twice'; }
if ! holds_plants "$simulator"; then echo "the simulator itself holds no plants: this test would see none"; exit 1; fi
for library in "${libraries[@]}"; do
  if holds_plants "$library"; then echo "$library holds plants"; exit 1; fi
done
echo "no plants in ${#libraries[@]} libraries"
