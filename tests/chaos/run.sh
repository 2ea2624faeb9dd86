#!/usr/bin/env bash
# Breaks a fleet of real processes while it works, and checks after every round what it promises.
#
#     tests/chaos/run.sh [--rounds N | --minutes N] [--only KIND]... [--long] [--seed N] [--list] [--help]
#
# Wants a release build (PINNATE_BUILD, default build/release) with its test modules. Without root there are no
# partitions, loss or rate limits: the run says what it leaves out, and with PINNATE_REQUIRE=1 that is an error. Without
# options the tests of the checks come first. Exit status: 0 when all promises held and each fault left a trace, 1 when
# one did not, 2 for a wrong flag.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${PINNATE_BUILD:-$here/../../build/release}
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PINNATE_BIN=${PINNATE_BIN:-$build/bin} PINNATE_MODULES=${PINNATE_MODULES:-$build/modules}
export PINNATE_LIBRARY=${PINNATE_LIBRARY:-$build/lib/libpinnate.so} PYTHONPATH=$here:$here/../e2e:$here/../../bindings/python
# A run whose checks are blind proves nothing, so it ends here.
[ $# -gt 0 ] || /usr/bin/python3 -m unittest discover -v -s "$here"
exec /usr/bin/python3 "$here/main.py" "$@"
