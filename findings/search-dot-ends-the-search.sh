#!/usr/bin/env bash
# With "search ." in resolv.conf c-ares finds no name that is not there as it stands.
#
# systemd-resolved writes "search ." where there is no domain to search, so that nothing else is
# searched. c-ares appends that domain like any other, gets a name with an empty label, and ends the
# whole search with ARES_EBADNAME, "misformatted domain name": for a name without dots at once, and
# for one with dots after the server has said that it is not there. Without the line the answers are
# an address and "not found". Where a wrong name and a name server that is away have to be told apart,
# this is neither.
#
# Versions: libc-ares-dev 1.18.1, dnsmasq-base 2.90 of Debian 12 (x86-64). Source: ares_search.c,
# ares__cat_domain; resolv.conf(5); man systemd-resolved, "/etc/resolv.conf".
#
# Right for a resolver on c-ares: the search list is walked by its caller, who takes "." for what it
# says: the name as it stands, and nothing appended.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libc-ares-dev=1.18.1-3 dnsmasq-base=2.90-4~deb12u2 gcc-12=12.2.0-14+deb12u1
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"

cat > search.c <<'END'
#include <ares.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

static void answered(void *name, int status, int timeouts, unsigned char *bytes, int size) {
  (void)timeouts, (void)bytes, (void)size;
  printf("  %s: %s\n", (char *)name, ares_strerror(status));
}

int main(int argc, char **argv) { /* resolv.conf, port, names */
  struct ares_options options = {0};
  ares_channel channel;
  options.resolvconf_path = argv[1];
  options.udp_port = options.tcp_port = (unsigned short)atoi(argv[2]);
  ares_library_init(ARES_LIB_INIT_ALL);
  if (ares_init_options(&channel, &options, ARES_OPT_RESOLVCONF | ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT)) return 1;
  for (int i = 3; i < argc; i++) {
    ares_search(channel, argv[i], 1, 1, answered, argv[i]);
    for (;;) {
      fd_set readable, writable;
      struct timeval time;
      int n;
      FD_ZERO(&readable);
      FD_ZERO(&writable);
      if ((n = ares_fds(channel, &readable, &writable)) == 0) break;
      select(n, &readable, &writable, NULL, ares_timeout(channel, NULL, &time));
      ares_process(channel, &readable, &writable);
    }
  }
  ares_destroy(channel);
  ares_library_cleanup();
}
END
gcc-12 -o search search.c -lcares
port=$((20000 + $$ % 20000))
dnsmasq --no-daemon --port="$port" --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts --conf-file=/dev/null \
  --local=/#/ --host-record=engines,192.0.2.1 --host-record=engines.edge.test,192.0.2.2 2> said &
server=$!
until grep -q started said; do kill -0 "$server"; done
echo 'nameserver 127.0.0.1' > without
printf 'nameserver 127.0.0.1\nsearch .\n' > with
for file in without with; do
  echo "$file \"search .\""
  ./search "$file" "$port" engines engines.edge.test nobody.edge.test
done > seen
cat > expected <<'END'
without "search ."
  engines: Successful completion
  engines.edge.test: Successful completion
  nobody.edge.test: Domain name not found
with "search ."
  engines: Misformatted domain name
  engines.edge.test: Successful completion
  nobody.edge.test: Misformatted domain name
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; cat said; exit 1; }
