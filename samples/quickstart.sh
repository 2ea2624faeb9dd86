#!/usr/bin/env bash
# From a fresh clone to a running fleet: installs what is missing, builds, and runs `pinnate demo`. Options go to the demo:
#     samples/quickstart.sh --nodes 2 --clusters 2 --engines 3 --module FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tests/packages.sh

# shellcheck disable=SC2086  # a list of words
install_packages $packages_for_build

build=build/release
if [ ! -f $build/build.ninja ]; then
  mkdir -p build/logs
  if ! cmake --preset release -DPINNATE_BUILD_TESTS=OFF >build/logs/quickstart.log 2>&1 </dev/null; then
    tail -n 30 build/logs/quickstart.log >&2
    echo "samples/quickstart.sh: configuring failed; all of it is in $PWD/build/logs/quickstart.log" >&2
    exit 1
  fi
  echo "Building Pinnate; the first time takes some minutes"
fi
cmake --build $build --target samples/all </dev/null
exec $build/bin/pinnate demo "$@"
