#!/bin/sh
# Makes @NAME@.so. PINNATE_INCLUDE: the folder that has pinnate/module.h.
set -eu
cd "$(dirname "$0")"
include=${PINNATE_INCLUDE:-@INCLUDE@}
CGO_ENABLED=1 CGO_CFLAGS="-O2 -I$include" go build -buildmode=c-shared -buildvcs=false \
  -ldflags "-extldflags=-Wl,--version-script=$include/pinnate/module.map" -o @NAME@.so .
rm -f @NAME@.h # cgo's, for programs that would link it
