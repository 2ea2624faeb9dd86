#!/usr/bin/env bash
# How far gateways reach that find their members by DNS, and with many links.
#
#     tests/net/report.sh [--quick] [NAME...] [--help]
#
#   NAME      only these: churn, birth, dns-away, many-addresses, many-links
#   --quick   with smaller numbers, in about a minute; without it, up to 20 minutes
#
# It needs root, network namespaces, and the release build: $PINNATE_BUILD, default build/release. The last lines are
# `reach NAME VALUE LIMIT ok|short`. Exit codes: 0 all are ok, 1 one is short, 2 wrong usage or nothing to measure with, 77 it
# cannot run here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${PINNATE_BUILD:-$(cd "$here/../.." && pwd)/build/release}
for word in "$@"; do
  case $word in -h | --help) sed -n '2,/^set -e/{/^set -e/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;; esac
done
[ -x "$build/bin/pinnate" ] || { echo "report.sh: there is no $build/bin/pinnate; build first: tests/run.sh --only release" >&2; exit 2; }
export PINNATE_BIN=$build/bin PINNATE_MODULES=$build/modules PINNATE_LIBRARY=$build/lib/libpinnate.so
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$here/reaches.py" "$@"
