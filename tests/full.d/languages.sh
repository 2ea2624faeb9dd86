#!/usr/bin/env bash
# Modules in every language of samples/modules/README.md, built by Debian's compilers and tried on real engines.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PINNATE_BIN=$PINNATE_BUILD/bin PINNATE_MODULES=$PINNATE_BUILD/modules
/usr/bin/python3 tests/languages/run.py --install
exec /usr/bin/python3 tests/languages/many_publishes.py
