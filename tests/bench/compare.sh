#!/usr/bin/env bash
# Our figures beside those of other tools on the same work, measured in turns, in this one run.
#
#     tests/bench/compare.sh [--build FOLDER] [--quick] [--repeats N] [--help]
#
#   --build FOLDER   of the optimised build, which tests/run.sh makes; default build/release
#   --quick          only what the issues set a limit for, beside bare sockets: no other tools are needed
#   --repeats N      how often each case runs; default 5. Printed are medians; on a shared machine only ratios mean anything
#
# The other tools are NATS, nginx, mosquitto and NNG. Missing ones are installed from Debian packages, as root or by sudo (which may
# start their services, as Debian does; what is measured are processes of this script's own). What cannot be had is skipped, in words.
# The last lines are `reach NAME MEASURED LIMIT ok|short`. Exit codes: 0 all are ok, 1 one is short, 2 wrong usage or nothing to measure.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LC_ALL=C.UTF-8
exec </dev/null
. "$root/tests/packages.sh"

usage() { sed -n '2,/^set -e/{/^set -e/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; }
wrong() { echo "compare.sh: $1" >&2; usage >&2; exit 2; }

build=$root/build/release quick=no repeats=5
while [ $# -gt 0 ]; do
  case $1 in
    --build) [ $# -ge 2 ] || wrong "--build needs a folder"; build=$2; shift ;;
    --build=*) build=${1#--build=} ;;
    --repeats) [ $# -ge 2 ] || wrong "--repeats needs a number"; repeats=$2; shift ;;
    --repeats=*) repeats=${1#--repeats=} ;;
    --quick) quick=yes ;;
    -h | --help) usage; exit 0 ;;
    *) wrong "unknown option $1" ;;
  esac
  shift
done
[[ $repeats =~ ^[1-9][0-9]{0,2}$ ]] || wrong "--repeats is '$repeats'; 1 to 999 are allowed"
bench=$build/bin/pinnate-bench
[ -x "$bench" ] || { echo "compare.sh: there is no $bench; build first: tests/run.sh --only release" >&2; exit 2; }

if [ $quick = no ]; then
  # shellcheck disable=SC2086  # a list of words
  install_packages $packages_for_bench || echo "measured without what is missing"
fi

work=$(mktemp -d)
servers=()
clean_up() {
  local pid
  for pid in ${servers[@]+"${servers[@]}"}; do
    if kill "$pid" 2>/dev/null; then wait "$pid" || true; fi
  done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM
lines=$work/lines

# ---- peers ---------------------------------------------------------------------------------------

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
has() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null || { echo "skipped: $1 is not installed"; return 1; }; }

# start PORT PROGRAM ARGUMENT...: until it listens. One that does not is left out, in words.
start() {
  local port=$1 tries
  shift
  PATH=$PATH:/usr/sbin:/sbin "$@" >"$work/$1.log" 2>&1 & servers+=($!)
  for ((tries = 0; tries < 100; tries++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
    kill -0 "${servers[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "failed: $1 does not listen: $(tail -n 1 "$work/$1.log")"
  return 1
}

nng=()
if [ $quick = no ]; then
  if [ -e /usr/include/nng/nng.h ]; then nng=(-lnng); else echo "skipped: NNG (libnng-dev) is not installed"; fi
  g++ -O2 -std=c++20 "$here/calls_peers.cpp" ${nng[@]+"${nng[@]}"} -o "$work/calls_peers"
fi
g++ -O2 -std=c++20 "$here/fanout_peers.cpp" -lcrypto -o "$work/fanout_peers"

fanout_peers=("raw 0" "rawtree 0") calls_peers=("tcp 0" "tcp3 0" "unix 0" "unix3 0")
if [ $quick = yes ]; then
  fanout_peers=("rawtree 0")
else
  if has nats-server; then
    port=$(free_port)
    if start "$port" nats-server -a 127.0.0.1 -p "$port"; then fanout_peers+=("nats $port") calls_peers+=("nats $port"); fi
  fi
  if has nginx; then
    port=$(free_port)
    mkdir -p "$work/www" "$work/tmp"
    { if [ "$(id -u)" = 0 ]; then echo "user root;"; fi
      cat <<CONF
daemon off; pid $work/nginx.pid; error_log $work/nginx.error.log; worker_processes 1;
events { worker_connections 8192; }
http { access_log off; sendfile on; tcp_nopush on; client_body_temp_path $work/tmp; proxy_temp_path $work/tmp;
  fastcgi_temp_path $work/tmp; uwsgi_temp_path $work/tmp; scgi_temp_path $work/tmp;
  server { listen 127.0.0.1:$port backlog=8192; root $work/www; } }
CONF
    } >"$work/nginx.conf"
    if start "$port" nginx -c "$work/nginx.conf"; then fanout_peers+=("http $port"); fi
  fi
  if has mosquitto; then
    port=$(free_port)
    printf 'listener %s 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n' "$port" >"$work/mosquitto.conf"
    if start "$port" mosquitto -c "$work/mosquitto.conf"; then fanout_peers+=("mqtt $port"); fi
  fi
fi

# ---- runs, in turns ------------------------------------------------------------------------------

# measure WORD...: one run; its lines of JSON are kept. One that fails is left out, in words.
measure() { timeout 300 "$@" >>"$lines" 2>"$work/error" || echo "failed: ${*##*/}: $(tail -n 1 "$work/error")"; }

cases="1000:65536"
if [ $quick = no ]; then cases="10:65536 1000:65536 10:4194304 100:4194304"; fi
for case in $cases; do
  receivers=${case%%:*} bytes=${case##*:}
  # What nginx serves has the size that counts; the receivers compare its digest, so it is the very noise of the others.
  if [ -d "$work/www" ]; then "$work/fanout_peers" module 0 1 "$bytes" >"$work/www/module"; fi
  for ((i = 0; i < repeats; i++)); do
    for peer in "${fanout_peers[@]}"; do
      # shellcheck disable=SC2086  # two words
      measure "$work/fanout_peers" $peer "$receivers" "$bytes" 4
    done
    measure "$bench" fanout --receivers "$receivers" --bytes "$bytes" --gateways 4
    if [ $quick = no ]; then measure "$bench" fanout --receivers "$receivers" --bytes "$bytes" --gateways 4 --last-hop unix; fi
  done
done

if [ $quick = no ]; then
  for outstanding in 1 64; do
    for payload in 64 4096; do
      for ((i = 0; i < repeats; i++)); do
        for peer in "${calls_peers[@]}"; do
          # shellcheck disable=SC2086
          measure "$work/calls_peers" $peer "$payload" "$outstanding" 20000
        done
        if [ ${#nng[@]} -gt 0 ] && [ $outstanding = 1 ]; then
          measure "$work/calls_peers" nng "$(free_port)" "$payload" 1 20000
        fi
        for hops in 0 1 3; do
          measure "$bench" calls --hops $hops --payload "$payload" --outstanding "$outstanding" --calls 20000
        done
        for hops in 1 3; do
          measure "$bench" calls --hops $hops --payload "$payload" --outstanding "$outstanding" --calls 20000 --link unix
        done
      done
    done
  done
fi
measure "$bench" idle

python3 "$here/report.py" "$lines"
