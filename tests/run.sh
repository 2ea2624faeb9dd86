#!/usr/bin/env bash
# Runs the tests, on a bare Debian 12 as root or with sudo: at most 10 minutes on two cores.
#
#     tests/run.sh [--sanitized] [--full] [--only PART]... [--help]
#
# First it builds everything, optimised. The parts run side by side, three of those that have fleets of
# processes at a time, since these wait more than they compute; one that fails does not hide the others:
#   release   the C and C++ suite, with the tests of headers, layers, exported symbols, size and package
#   python    bindings/python/tests
#   cli       tests/cli: the program, as its users run it
#   wire      tests/wire: the protocol, spoken by Python without the library; tests/older: peers and folders of older versions
#   e2e       tests/e2e: fleets of processes, with what goes wrong in them
#   net       tests/net: members that gateways find by DNS, lists and files, in network namespaces with real name servers
#   hosts     tests/hosts: the samples for real servers, built and run by these
#   chaos     tests/chaos: a fleet of processes that is broken while it works, round after round
# --sanitized adds what CI runs beside them, in at most 20 minutes on two cores:
#   asan      the C and C++ suite under AddressSanitizer and UndefinedBehaviorSanitizer
#   tsan      what has threads under ThreadSanitizer
# --full is for long runs. It adds the sanitized parts with all that the release has, and the long
# tests of cli, e2e, net and hosts. After the parts above, alone and one by one, it runs `long`, all tests of ctest that
# have the label "full", and every executable tests/full.d/NAME.sh as part NAME. Such a script finds
# the release build in $PINNATE_BUILD. It exits with 0 when it passed, and with 77 when it cannot run
# here; then its last line says why.
#
# --only runs one part of any of these. Each part writes build/logs/PART.log. Tests of e2e that need
# ptrace or a mount, and those of net, which need network namespaces or podman, are skipped, and
# counted, where that is not allowed. With --full and as root they fail instead, unless
# PINNATE_REQUIRE is set to nothing. The last line is "N passed, N failed", test cases in all. The exit
# status is 1 when one failed, and 130 when interrupted. The line before it tells how the time of a
# run without --full and --only stands to the limit above. The run does not fail by that: the time is
# the machine's, too.
set -euo pipefail
# All that it runs carries this mark, subshells too: what they show as their environment is what this process was started with.
if [ "${PINNATE_TESTS_RUN-}" != $$ ]; then PINNATE_TESTS_RUN=$$ exec bash "${BASH_SOURCE[0]}" "$@"; fi
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
exec </dev/null
. tests/packages.sh
logs=$root/build/logs
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1

usage() { sed -n '2,/^set -e/{/^set -e/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }

long_runs() {
  local script
  for script in tests/full.d/*.sh; do [ ! -x "$script" ] || basename "$script" .sh; done
}

parts=(release hosts python e2e net cli chaos wire)
sanitized=(asan tsan)
mapfile -t long < <(echo long; long_runs)
full=no only=() reach="test_seconds 600"
while [ $# -gt 0 ]; do
  case $1 in
    --sanitized) parts+=("${sanitized[@]}") sanitized=() reach="ci_seconds 1200" ;;
    --full) full=yes ;;
    --only) [ $# -ge 2 ] || { usage >&2; exit 2; }; only+=("$2"); shift ;;
    --only=*) only+=("${1#--only=}") ;;
    -h | --help) usage; exit 0 ;;
    *) echo "tests/run.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
for part in ${only[@]+"${only[@]}"}; do
  case " ${parts[*]} ${sanitized[*]} ${long[*]} " in
    *" $part "*) ;;
    *) echo "tests/run.sh: no part '$part'; there are: ${parts[*]} ${sanitized[*]} ${long[*]}" >&2; exit 2 ;;
  esac
done
if [ ${#only[@]} -gt 0 ]; then parts=("${only[@]}")
elif [ $full = yes ]; then parts+=("${sanitized[@]}" "${long[@]}"); fi

# ---- building ------------------------------------------------------------------------------------

configure() { cmake --preset "$1" >"$logs/configure-$1.log" 2>&1 || { cat "$logs/configure-$1.log"; return 1; }; }
release_built=unknown  # yes or no, once it was tried
build() {
  if [ "$1" = release ] && [ $release_built != unknown ]; then [ $release_built = yes ]; return; fi
  local targets=()
  if [ $full = yes ]; then targets=(--target all); fi
  # One build at a time has all cores: two would only take longer, and the tests beside them too.
  (flock "$lock" && configure "$1" && cmake --build --preset "$1" --parallel "$(nproc)" "${targets[@]}" -- -k 0) {lock}>"$logs/building"
}

# ---- running -------------------------------------------------------------------------------------

# suite PRESET [CTEST OPTION...]: also when something did not build, so that the rest is heard.
suite() {
  local preset=$1 built=0 tested=0 runner=()
  shift
  build "$preset" || built=1
  if [ "$preset" != release ]; then mapfile -t runner < <(fixed_addresses); fi
  # Most programs wait more than they compute, so twice as many run as there are cores.
  ${runner[@]+"${runner[@]}"} ctest --test-dir "build/$preset" --parallel "$((2 * $(nproc)))" --timeout 900 --output-on-failure \
    --no-tests=error --test-output-size-passed 1000000 --test-output-size-failed 1000000 --output-junit "$logs/$part.xml" "$@" || tested=1
  if [ "$preset" != release ] && ! is_sanitized "$preset"; then tested=1; fi
  [ $built = 0 ] || echo "Not everything was built; see above."
  return $((built | tested))
}

# The same with all of it in a full run.
sanitized_suite() {
  if [ $full = yes ]; then suite "$1"; else suite "$1" --label-exclude '^full$'; fi
}

# A build folder that was configured without its sanitizers would pass, and show nothing.
is_sanitized() {
  local needed library libraries=(libtsan) program=build/$1/bin/test_store
  if [ "$1" = asan ]; then libraries=(libasan libubsan); fi
  needed=$(readelf -d "$program") || { echo "cannot see which sanitizers $program has"; return 1; }
  for library in "${libraries[@]}"; do
    if ! grep -q "NEEDED.*\[$library\." <<<"$needed"; then
      echo "$program is built without $library: remove build/$1 and run this again"
      return 1
    fi
  done
}

# The sanitizers of GCC 12 cannot place their memory where the kernel spreads addresses wider than 28 bits.
fixed_addresses() {
  local bits
  bits=$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 32)  # only root may read it
  if [ "$bits" -le 28 ]; then return; fi
  if setarch "$(uname -m)" -R true 2>/dev/null; then printf '%s\n' setarch "$(uname -m)" -R
  else echo "vm.mmap_rnd_bits is $bits and setarch -R is not allowed: sanitizers may fail to start" >&2; fi
}

# LeakSanitizer stops the process by ptrace, which some containers forbid.
leaks_can_be_found() {
  local probe=$logs/leak-probe
  echo 'int main(void) { return 0; }' | gcc -x c - -fsanitize=address -o "$probe" && ASAN_OPTIONS=detect_leaks=1 "$probe"
}

suppressions() { if [ -f "tests/$1.supp" ]; then echo ":suppressions=$root/tests/$1.supp"; fi; }

# unittest FOLDER TESTS
unittest() {
  build release || echo "Not everything was built."
  [ -d "$1/$2" ] || { echo "there is no folder $1/$2"; return 1; }
  cd "$1"
  PINNATE_LIBRARY=$root/build/release/lib/libpinnate.so PINNATE_MODULES=$root/build/release/modules \
    PINNATE_BIN=$root/build/release/bin timeout --kill-after=10 900 /usr/bin/python3 "$root/tests/side_by_side.py" "$2" $(($(nproc) + 1))
}

# Fleets of processes go first, since they keep time; then the suite of the release.
behind() { renice -n "$1" -p $BASHPID >/dev/null || true; }

# ---- parts ---------------------------------------------------------------------------------------

part_release() {
  behind 10
  suite release --label-exclude '^full$'
}
part_python() { unittest bindings/python tests; }
part_cli() {
  if [ $full = yes ]; then export PINNATE_FULL=1; fi
  unittest . tests/cli
}
part_e2e() {
  if [ $full = yes ]; then
    export PINNATE_FULL=1
    # root may do all that tests need, so one that is skipped is lost.
    if [ "$(id -u)" = 0 ]; then export PINNATE_REQUIRE=${PINNATE_REQUIRE-1}; fi
  fi
  unittest . tests/e2e
}
part_net() {
  if [ $full = yes ]; then
    export PINNATE_FULL=1
    if [ "$(id -u)" = 0 ]; then export PINNATE_REQUIRE=${PINNATE_REQUIRE-1}; fi
  fi
  unittest . tests/net
}
part_hosts() {
  if [ $full = yes ]; then export PINNATE_FULL=1; fi
  unittest . tests/hosts
}
part_wire() {
  local bad=0
  (unittest . tests/wire) || bad=1
  (unittest . tests/older) || bad=1
  return $bad
}
part_chaos() {
  build release || echo "Not everything was built."
  PINNATE_BUILD=$root/build/release timeout --kill-after=60 600 tests/chaos/run.sh
}
part_asan() {
  behind 19
  [ $leaks = 1 ] || echo "LeakSanitizer does not work here: leaks are not looked for"
  export ASAN_OPTIONS=detect_leaks=$leaks:halt_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  LSAN_OPTIONS=report_objects=1$(suppressions lsan)
  export LSAN_OPTIONS
  sanitized_suite asan
}
part_tsan() {
  behind 19
  # die_after_fork: a test forks a process with threads to see that the child is told so.
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:history_size=4:die_after_fork=0$(suppressions tsan)
  export TSAN_OPTIONS
  sanitized_suite tsan
}
part_long() {
  build release
  if ! ctest --test-dir build/release -N -L '^full$' | grep -q '^Total Tests: [1-9]'; then
    echo 'no test of ctest has the label "full"'
    return 77
  fi
  suite release -L '^full$'
}

# ---- all of it -----------------------------------------------------------------------------------

mkdir -p "$logs"
# shellcheck disable=SC2086  # lists of words
{
  install_packages $packages_for_build $packages_for_tests || { echo "0 passed, 1 failed"; exit 1; }
  if [[ $full = yes || " ${parts[*]} " == *" bare-debian "* ]]; then
    install_packages $packages_for_full || { echo "0 passed, 1 failed"; exit 1; }
  fi
}

# Fleets of processes keep time: three of these parts run at once, the longest first. The suites take what they leave.
fleets=(hosts python e2e net cli chaos wire)
mkfifo "$logs/places"
exec {places}<>"$logs/places"
rm "$logs/places"
printf ... >&"$places"

# run_part PART: writes build/logs/PART.log, and PART.end: exit status and seconds.
run_part() {
  local part=$1 began status=0 log=$logs/$1.log
  rm -f "$logs/$part.xml" "$logs/$part.end"
  case " ${fleets[*]} " in *" $part "*) read -r -n 1 -u "$places" ;; esac
  began=$SECONDS
  set +e
  if declare -F "part_$part" >/dev/null; then
    (set -e; "part_$part") >"$log" 2>&1
  else
    (set -e; build release && PINNATE_BUILD=$root/build/release "tests/full.d/$part.sh") >"$log" 2>&1
  fi
  status=$?
  set -e
  echo "$status $((SECONDS - began))" >"$logs/$part.end"
  case " ${fleets[*]} " in *" $part "*) printf . >&"$places" ;; esac
}

passed=0 failed=0 failures=()
report_part() {
  local part=$1 log=$logs/$1.log status seconds good bad left_out word=ok counted
  read -r status seconds <"$logs/$part.end"
  rm "$logs/$part.end"
  if declare -F "part_$part" >/dev/null; then
    mapfile -t counted < <(/usr/bin/python3 tests/count.py "$status" "$log" "$logs/$part.xml")
  elif [ "$status" = 0 ]; then counted=("1 0 0")
  else counted=("0 1 0" "$part"); fi
  if [ "$status" = 77 ]; then
    printf 'skipped  %-12s %5d s   %s\n' "$part" "$seconds" "$(tail -n 1 "$log")"
    return
  fi
  read -r good bad left_out <<<"${counted[0]:-0 1 0}"
  passed=$((passed + good)) failed=$((failed + bad))
  if [ "$bad" -gt 0 ]; then word=FAILED; fi
  printf '%-8s %-12s %5d s   %d passed, %d failed' $word "$part" "$seconds" "$good" "$bad"
  if [ "$left_out" -gt 0 ]; then printf ', %d skipped' "$left_out"; fi
  echo
  if [ "$bad" -gt 0 ]; then
    { grep -m 10 -E ' error: |undefined reference|CMake Error' "$log" || true; tail -n 60 "$log"; } | sed 's/^/    | /'
    echo "    all of it: $log"
    counted=("${counted[@]:1}")
    failures+=("${counted[@]/#/$part: }")
  fi
}

# Parts run in the background, and some of their programs in process groups of their own: an interrupt has to go to all of them. What ends
# by it may start something else, to clean up or to go on, which has to end as well.
interrupted() {
  local process told=' ' left=yes until=$((SECONDS + 30))
  trap '' INT TERM
  echo "interrupted"
  while [ $left = yes ]; do
    left=no
    while read -r process; do
      process=${process//[!0-9]/}
      if [ "$process" = $$ ]; then continue; fi
      left=yes
      if [ $SECONDS -gt $until ]; then kill -KILL "$process"
      elif [[ $told != *" $process "* ]]; then kill "$process"; fi 2>/dev/null || true
      told+="$process "
    done < <(exec env -u PINNATE_TESTS_RUN grep -lsz "^PINNATE_TESTS_RUN=$$\$" /proc/[0-9]*/environ)
    sleep 0.1  # of processes that are not its children nothing tells it when they end
  done
  wait
  exit 130
}
trap interrupted INT TERM

# Those that need the release find it built, or learn that it could not be.
build_release() {
  local began=$SECONDS word=built
  build release >"$logs/build.log" 2>&1 &
  if wait $!; then release_built=yes; else release_built=no word=FAILED; fi
  printf '%-8s %-12s %5d s\n' $word "the release" $((SECONDS - began))
  if [ $word = FAILED ]; then tail -n 60 "$logs/build.log" | sed 's/^/    | /'; fi
}
needs_release=no together=() alone=()
for part in "${parts[@]}"; do
  case $part in
    asan | tsan) ;;
    *) needs_release=yes ;;
  esac
  case " ${long[*]} " in
    *" $part "*) alone+=("$part") ;;
    *) together+=("$part") ;;
  esac
done
if [ $needs_release = yes ]; then build_release; fi
# Known before that part begins, so that it is built before tsan, whose tests take less time.
leaks=0
if [[ " ${together[*]-} " == *" asan "* ]] && leaks_can_be_found >"$logs/leak-probe.log" 2>&1; then leaks=1; fi
declare -A process
for part in ${together[@]+"${together[@]}"}; do
  run_part "$part" &
  process[$part]=$!
done
for part in ${together[@]+"${together[@]}"}; do
  wait "${process[$part]}"
  report_part "$part"
done
for part in ${alone[@]+"${alone[@]}"}; do
  run_part "$part" &
  wait $!
  report_part "$part"
done
if [ $failed != 0 ]; then printf 'failed: %s\n' "${failures[@]}"; fi
# It counts what this machine has to install, too.
if [ ${#only[@]} = 0 ] && [ $full = no ]; then
  read -r name limit <<<"$reach"
  word=ok
  if [ $SECONDS -gt "$limit" ]; then word=short; fi
  echo "reach $name $SECONDS $limit $word"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
