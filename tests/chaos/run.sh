#!/usr/bin/env bash
# Breaks a fleet of real processes while it works, and checks after every round what it promises.
#
#     tests/chaos/run.sh [--rounds N | --minutes N] [--only KIND]... [--long] [--seed N] [--list] [--help]
#
# Wants a release build (PINNATE_BUILD, default build/release) with its test modules. Without root there are no
# partitions, loss or rate limits. Exit status: 0 when all promises held, 1 when one was broken, 2 for a wrong flag.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${PINNATE_BUILD:-$here/../../build/release}
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PINNATE_BIN=${PINNATE_BIN:-$build/bin} PINNATE_MODULES=${PINNATE_MODULES:-$build/modules}
export PINNATE_LIBRARY=${PINNATE_LIBRARY:-$build/lib/libpinnate.so} PYTHONPATH=$here:$here/../e2e:$here/../../bindings/python
exec /usr/bin/python3 "$here/main.py" "$@"
