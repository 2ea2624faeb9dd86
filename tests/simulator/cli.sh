#!/usr/bin/env bash
# pinnate-sim, as its users run it. The first argument is the program.
set -uo pipefail
sim=$1
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# holds SENTENCE COMMAND...
holds() {
  local sentence=$1
  shift
  if "$@"; then echo "ok      $sentence"; else echo "FAILED  $sentence"; failed=1; fi
}
ends_with() { # STATUS ARGUMENT...
  local status=$1 got=0
  shift
  "$sim" "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$status" ] || { echo "    $* ended with $got, not $status"; return 1; }
}
says() { grep -q -- "$1" "$work/out" "$work/err" || { echo "    it does not say '$1'"; return 1; }; }
last_line() { tail -n 1 "$work/out"; }

same_digest() {
  ends_with 0 --seed 11 && local first && first=$(last_line)
  ends_with 0 --seed 11 --trace && local second && second=$(last_line)
  ends_with 0 --seed 12 && local other && other=$(last_line)
  local planted=(--seed 11 --plant live-without-health-check)
  ends_with 1 "${planted[@]}" && [[ $(last_line) == "digest "* ]] || { echo "    ${planted[*]} ends without a digest"; return 1; }
  ends_with 1 "${planted[@]}" --trace && [[ $(last_line) == "digest "* ]] || { echo "    ${planted[*]} --trace ends without a digest"; return 1; }
  [[ $first == "digest "* ]] && [ "$first" = "$second" ] && [ "$first" != "$other" ]
}
traces_every_event() { ends_with 0 --seed 11 --steps 5 --trace && says 'c started life 1' && says 'sent Hello' && [ "$(wc -l <"$work/out")" -gt 100 ]; }
same_over_many() {
  ends_with 0 --seeds 1..6 --jobs 1 && local one && one=$(last_line)
  ends_with 0 --seeds 1..6 --jobs 3 && [ "$one" = "$(last_line)" ] && says 'faults injected: reset'
}
# The tiers that started, as the trace tells; the operator beside them is no part of the shape.
started() { sed -n 's/.* \([^ ]*\) started life 1$/\1/p' "$work/out" | sort; }
has_the_shape() {
  ends_with 0 --seed 3 --nodes 2 --depth 2 --clusters 3 --engines 2 --steps 1 --faults none --trace || return 1
  local expected
  expected=$(for s in s0 s1; do
    echo $s
    for k in k0 k1 k2; do echo $s.$k $s.$k.e0 $s.$k.e1; done
  done | tr ' ' '\n' | sort)
  [ "$(started | grep '^s[0-9]')" = "$expected" ] || { started; return 1; }
}
counts() { sed -n "s/^$1: //p" "$work/out"; }
only_the_faults_named() {
  ends_with 0 --seeds 1..20 --faults kill,disk-full || return 1
  local others
  others=$(counts 'faults injected' | tr ',' '\n' | grep -vE '^ *(kill|disk-full) ' | grep -cvE ' 0$')
  [ "$others" = 0 ] && says ' kill [1-9]' && says 'disk-full [1-9]' || return 1
  ends_with 0 --seeds 1..20 --faults none && [ "$(counts 'faults injected' | tr ',' '\n' | grep -cvE ' 0$')" = 0 ]
}
as_many_steps() {
  ends_with 0 --seeds 1..20 --steps 1 || return 1
  local acts
  acts=$( (counts 'done by users'; counts 'faults injected') | sed 's/([^)]*)//g' | grep -oE ' [0-9]+' | awk '{ sum += $1 } END { print sum + 0 }')
  [ "$acts" -gt 0 ] && [ "$acts" -le 20 ]
}
overrides_the_fleet() { ends_with 0 --seed 3 --nodes 1 --depth 1 --engines 1 --faults none --trace && ! says 's1 ' 2>/dev/null; }
tells_of_a_violation() {
  ends_with 1 --seeds 1..50 --plant live-without-health-check && says 'promise 4 (One service) is broken with seed' && says 'when step' &&
    says 'the last events before it:' && says 'again: pinnate-sim --seed .* --plant live-without-health-check' && [[ $(last_line) == "digest "* ]]
}
makes_it_smaller() {
  ends_with 1 --seeds 1..50 --plant artifact-not-synced --shrink && says 'made smaller in' && [[ $(last_line) == "digest "* ]] || return 1
  local again left
  left=$(sed -n 's/.*, \([0-9]*\) steps are left:$/\1/p' "$work/out")
  [ -n "$left" ] && [ "$left" -lt 10 ] && says '^fleet: 1 nodes' || { echo "    it left $left steps"; return 1; }
  again=$(sed -n 's/^again: pinnate-sim //p' "$work/out")
  # shellcheck disable=SC2086  # a command line
  ends_with 1 $again && says 'promise 3'
}
hunts() { # which of them are caught in so few seeds is not what is asked here
  "$sim" --hunt --seeds 1..2 >"$work/out" 2>"$work/err"
  says 'planted bugs were caught$' && [[ $(last_line) == "digest "* ]]
}
uses_every_core() {
  local threads=0 wanted tries
  wanted=$(nproc)
  "$sim" --seeds 1..300 >"$work/out" 2>"$work/err" &
  local pid=$!
  for ((tries = 0; tries < 500 && threads < wanted; ++tries)); do
    kill -0 $pid 2>/dev/null || break
    threads=$(sed -n 's/^Threads:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
    threads=${threads:-0}
    sleep 0.02
  done
  kill $pid 2>/dev/null
  wait $pid 2>/dev/null
  [ "$threads" -ge "$wanted" ] || { echo "    it had $threads threads for $wanted cores"; return 1; }
}
lists_plants() {
  ends_with 0 --list-plants && [ "$(grep -c 'promise [0-8]: ' "$work/out")" -ge 16 ] || return 1
  local what
  for what in 'promise '{1..8} controller gateway engine; do grep -q -- " $what" "$work/out" || { echo "    no plant of $what"; return 1; }; done
}
lists_faults() { ends_with 0 --list-faults && says 'half-open' && says 'old-backup'; }

holds 'the same seed gives the same run to the last event, and its digest is the last line' same_digest
holds 'a trace has every event in words' traces_every_event
holds 'many seeds give one digest, however many run at once, and count what was done' same_over_many
holds 'the command line goes before the seed' overrides_the_fleet
holds 'the fleet has the shape that was asked for' has_the_shape
holds 'no fault happens but those that are named' only_the_faults_named
holds 'a run has as many steps as were asked for' as_many_steps
holds 'a violation names promise, seed, step and the last events, and how to see it again' tells_of_a_violation
holds 'a failing run can be made smaller, and the smaller one fails alike' makes_it_smaller
holds 'a hunt tells how many plants were caught, and its digest is the last line' hunts
holds 'seeds are run on all cores unless --jobs says otherwise' uses_every_core
holds 'plants are listed with a sentence each, of all tiers and promises' lists_plants
holds 'faults are listed' lists_faults
for wrong in '--seed x' '--seeds 5..1' '--seeds 7' '--engines 0' '--depth 9' '--faults lightning' '--plant rose' '--skip 5-' '--frobnicate' \
  '--seed' '--seed 1 --seeds 1..2' '--seeds 1..2 --trace' '--hunt --plant room-ignored'; do
  # shellcheck disable=SC2086
  holds "'$wrong' is wrong usage, said in words" ends_with 2 $wrong
  [ -s "$work/err" ] || { echo "FAILED  nothing was said"; failed=1; }
done
exit $failed
