#!/usr/bin/env bash
# When a container ends, those beside it may lose their name server for some ten seconds.
#
# A Linux bridge that nobody gave a hardware address takes the lowest of its ports. netavark 1.4, the
# network of podman 4.3, gives none, and each container brings a port of a random address. When the
# one with the lowest goes, the bridge, at which the network's name server is reached, has another
# address. Nobody is told (no gratuitous ARP by default), and the rest goes on to send to the one that
# is gone: the kernel keeps a neighbour for 15 to 45 s as reachable and 5 s more on trust, then asks
# the old address three times, and only then all. Datagrams confirm nothing, so the outage is that
# long. Links between containers go on, since ports keep their addresses; so to a client the name
# server looks dead at the very moment when there is something new to be learned.
#
# Versions: Linux 6.18.44, iproute2 6.1.0, dnsmasq-base 2.90 of Debian 12 (x86-64); seen with
# netavark and aardvark-dns 1.4.0 too. Source: br_stp_recalculate_bridge_id in net/bridge/br_stp_if.c,
# neigh_timer_handler in net/core/neighbour.c; netavark's bridge.rs.
#
# Right for a client: to go on asking, to say since when nobody answers, and to keep what it knew. Right
# for whoever makes the bridge: to give it an address (the second run below).

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need iproute2=6.1.0-3 dnsmasq-base=2.90-4~deb12u2 python3=3.11.2-1+b1
[ "$(id -u)" = 0 ] || { echo "$0: only root makes network namespaces"; exit 2; }
folder=$(mktemp -d)
server=
clean() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  for name in switch asks ends; do ip netns delete "finding-$name" 2>/dev/null || true; done
}
trap 'clean; rm -rf "$folder"' EXIT

cat > "$folder/ask.py" <<'END'
import socket, sys, time

question = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x06engine\x04test\x00\0\x01\0\x01"
begin = time.monotonic()
while time.monotonic() - begin < 90:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.5)
        client.sendto(question, ("10.9.0.1", 53))
        try:
            client.recv(512)
            break
        except TimeoutError:
            pass
else:
    sys.exit("never answered")
print("at once" if time.monotonic() - begin < 0.5 else "after more than 3 s" if time.monotonic() - begin > 3 else "late")
END

in_ns() { ip netns exec "finding-$1" "${@:2}"; }
# container NAME LAST ADDRESS: a namespace with a port in the bridge whose hardware address is ADDRESS.
container() {
  ip netns add "finding-$1"
  in_ns switch ip link add "port-$1" address "$3" type veth peer name eth0 netns "finding-$1"
  in_ns "$1" ip address add "10.9.0.$2/24" dev eth0
  in_ns "$1" ip link set eth0 up
  in_ns switch ip link set "port-$1" master bridge up
}
address() { in_ns switch cat /sys/class/net/bridge/address; }

try() { # what, options of the bridge
  ip netns add finding-switch
  # shellcheck disable=SC2086  # words
  in_ns switch ip link add bridge $2 type bridge
  in_ns switch ip address add 10.9.0.1/24 dev bridge
  in_ns switch ip link set bridge up
  container ends 3 5a:00:00:00:00:03
  container asks 2 5e:00:00:00:00:02
  ip netns exec finding-switch dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --bind-interfaces --listen-address=10.9.0.1 \
    --address=/engine.test/10.9.0.7 --pid-file= --user=root >"$folder/dnsmasq.log" 2>&1 &
  server=$!
  in_ns asks python3 "$folder/ask.py" >"$folder/first"  # until it is there
  echo "$1: answered $(in_ns asks python3 "$folder/ask.py")"
  local before now
  before=$(address)
  in_ns switch ip link delete port-ends
  now=$(address)
  echo "  another container ends; the bridge has $([ "$before" = "$now" ] && echo the same || echo another) address; answered $(in_ns asks python3 "$folder/ask.py")"
  clean
  wait "$server" 2>/dev/null || true
  server=
}

{
  try "a bridge that was given no address" ""
  try "a bridge that was given one" "address 5e:00:00:00:00:01"
} | tee "$folder/seen"

cat > "$folder/expected" <<'END'
a bridge that was given no address: answered at once
  another container ends; the bridge has another address; answered after more than 3 s
a bridge that was given one: answered at once
  another container ends; the bridge has the same address; answered at once
END
diff "$folder/expected" "$folder/seen" || { echo "$0: it behaves otherwise now"; exit 1; }
