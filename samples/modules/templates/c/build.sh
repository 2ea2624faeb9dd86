#!/bin/sh
# Makes @NAME@.so. PINNATE_INCLUDE: the folder that has pinnate/module.h.
set -eu
cd "$(dirname "$0")"
include=${PINNATE_INCLUDE:-@INCLUDE@}
${CC:-cc} -shared -fPIC -O2 -I "$include" -Wl,--version-script="$include/pinnate/module.map" -o @NAME@.so module.c
