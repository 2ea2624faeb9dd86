#!/usr/bin/env bash
# A gateway that finds its engines at a real Kubernetes API server (tests/net/kubernetes_real.py). The server is built once, from Debian's
# sources: tests/net/apiserver.sh says where to, and what that takes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/packages.sh"
skip() { echo "$*"; exit 77; }
# shellcheck disable=SC2086  # a list of words
install_packages $packages_for_kubernetes || skip "the tools that build a Kubernetes API server cannot be installed"
prepared=$(mktemp)
trap 'rm -f "$prepared"' EXIT
"$root/tests/net/apiserver.sh" prepare 2>&1 | tee "$prepared" || skip "no Kubernetes API server: $(tail -n 1 "$prepared")"
export PINNATE_BIN=$PINNATE_BUILD/bin PINNATE_MODULES=$PINNATE_BUILD/modules
/usr/bin/python3 "$root/tests/net/kubernetes_real.py"
