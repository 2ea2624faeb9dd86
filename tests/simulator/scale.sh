#!/usr/bin/env bash
# The parts of `pinnate-sim scale` with small fleets: each reach is met, and wrong arguments are refused.
#     scale.sh PINNATE-SIM
set -euo pipefail
sim=$1
"$sim" scale fleet --engines 500 --sites 5
"$sim" scale fleet --engines 500 --sites 5 --clusters 0
"$sim" scale traffic --engines 200 --sites 2
"$sim" scale restart --engines 300
"$sim" scale storm --sites 200
"$sim" scale named --sites 300
"$sim" scale named --sites 300 --clusters 0
"$sim" scale status
"$sim" scale overtake
# The limit of a message is for a machine that does nothing else (tests/run.sh --full); one that looked through all
# functions would be far above it.
said=$("$sim" scale functions) || grep -q '^reach functions\.opening_times .* ok$' <<<"$said"
awk '$2 == "functions.message_times" { times = $3 } END { exit !(times > 0 && times < 2) }' <<<"$said" ||
  { echo "a message costs too much: $said"; exit 1; }

# One site dials all at once, which is more than the limit: a reach that falls short is said, and ends the run with 1.
status=0
said=$("$sim" scale storm --sites 1) || status=$?
[ $status = 1 ] || { echo "scale storm --sites 1 ended with $status instead of 1"; exit 1; }
grep -q '^reach storm\.0ms\.peak_share_100ms 1 [0-9.]* short$' <<<"$said" || { echo "no reach fell short: $said"; exit 1; }

refused() {
  local status=0
  "$sim" scale "$@" 2>/dev/null || status=$?
  [ $status = 2 ] || { echo "scale $* ended with $status instead of 2"; exit 1; }
}
refused everything
refused fleet --engines
refused fleet --engines many
refused fleet --engines 0
refused fleet --rows 3
"$sim" scale --help | grep -q -- --engines
