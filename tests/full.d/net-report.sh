#!/usr/bin/env bash
# tests/net/report.sh: what members by DNS and many links reach, at full numbers. It fails when one is short.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "only root can make network namespaces"; exit 77; }
exec timeout --kill-after=10 1800 "$(dirname "${BASH_SOURCE[0]}")/../net/report.sh"
