#!/usr/bin/env bash
# tests/bench/compare.sh measures everything that it promises, beside every other tool. What is bytes must keep its limits. Times are
# printed and not judged: this machine may be busy with other things.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$root/tests/packages.sh"
# shellcheck disable=SC2086  # a list of words
install_packages $packages_for_bench || { echo "the tools to compare with cannot be installed"; exit 77; }
out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
"$root/tests/bench/compare.sh" --build "${PINNATE_BUILD:-$root/build/release}" --repeats "${REPEATS:-3}" | tee "$out" || status=$?

failed=0
wrong() { echo "FAILED: $*"; failed=1; }
if grep -E '^(skipped|failed|left out): ' "$out"; then wrong "not everything was measured"; fi
for name in raw rawtree nats http mqtt 'pinnate tcp' 'pinnate unix'; do
  [ "$(grep -c -E "^ +(10|100|1000) +[0-9]+ $name +[0-9.]+ +[0-9.]+ " "$out")" = 4 ] || wrong "$name has not all cases of fan-out"
done
for name in tcp tcp3 unix unix3 nats 'pinnate in process' 'pinnate tcp' 'pinnate tcp3' 'pinnate unix' 'pinnate unix3'; do
  [ "$(grep -c -E "^ +(1|64) +(64|4096) $name +[0-9.]+ +" "$out")" = 4 ] || wrong "$name has not all cases of calls"
done
[ "$(grep -c -E '^ +1 +(64|4096) nng +[0-9.]+ +' "$out")" = 2 ] || wrong "nng has not all cases of calls"
for name in idle_engine_above_empty_pss_bytes library_stripped_bytes; do
  grep -q -E "^reach $name [0-9]+ [0-9]+ ok\$" "$out" || wrong "$name is not within its limit"
done
grep -q -E '^reach fanout_1000x64KiB_times_rawtree [0-9.]+ 3 (ok|short)$' "$out" || wrong "fan-out was not compared with bare sockets"
short=$(grep -c -E '^reach .* short$' "$out" || true)
[ "$status" = $((short > 0)) ] || wrong "compare.sh ended with $status while $short figures are short"
exit $failed
