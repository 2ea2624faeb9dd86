#!/usr/bin/env bash
# A million engines on ten thousand sites, in virtual time: from publish to the last one live in at most 10 minutes and 16 GiB.
set -euo pipefail
available_mib=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
if [ "$available_mib" -lt 17408 ]; then
  echo "a million engines may take 16 GiB; $available_mib MiB are available"
  exit 77
fi
exec timeout --kill-after=10 3000 "$PINNATE_BUILD/bin/pinnate-sim" scale fleet --engines 1000000 --sites 10000
