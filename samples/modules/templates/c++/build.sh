#!/bin/sh
# Makes @NAME@.so, with its C++ runtime in it. PINNATE_INCLUDE: the folder that has pinnate/module.h.
set -eu
cd "$(dirname "$0")"
include=${PINNATE_INCLUDE:-@INCLUDE@}
${CXX:-c++} -shared -fPIC -O2 -I "$include" -Wl,--version-script="$include/pinnate/module.map" \
  -static-libstdc++ -static-libgcc -Wl,--gc-sections,-fini=_ZN9__gnu_cxx9__freeresEv -o @NAME@.so module.cc
