#!/usr/bin/env bash
# libcurl changes the process's SIGPIPE when a multi handle ends that was never used.
#
# CURLOPT_NOSIGNAL keeps libcurl away from signals: it belongs to an easy handle, and a multi handle
# goes by the one that it has a connection of. One that never had a transfer has none. So
# curl_multi_cleanup sets SIGPIPE to be ignored and puts it back, for the whole process and all its
# threads, although whoever made it wants no signals. After a transfer with CURLOPT_NOSIGNAL it does
# not.
#
# Versions: libcurl4-openssl-dev 7.88.1 of Debian 12 (x86-64). Source: lib/multi.c,
# curl_multi_cleanup; lib/sigpipe.h.
#
# Right for a library in somebody's process: the multi handle is made with the first request, not
# before, and every request says CURLOPT_NOSIGNAL.

set -euo pipefail
export LC_ALL=C
need() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -Wf '${Version}' "${package%%=*}" 2>/dev/null)" = "${package#*=}" ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] || { echo "$0: first, on Debian 12: apt-get install ${missing[*]}"; exit 2; }
}
need libcurl4-openssl-dev=7.88.1-10+deb12u15 gcc-12=12.2.0-14+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat > count.c <<'END'
#include <curl/curl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>

static int changes; /* of SIGPIPE */

int sigaction(int number, const struct sigaction *to, struct sigaction *before) {
  int (*real)(int, const struct sigaction *, struct sigaction *);
  *(void **)&real = dlsym(RTLD_NEXT, "sigaction");
  if (number == SIGPIPE && to) changes++;
  return real(number, to, before);
}

int main(void) {
  CURLM *multi;
  CURL *easy;
  int running = 1;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  changes = 0;
  curl_multi_cleanup(curl_multi_init());
  printf("never used: SIGPIPE was changed %d times\n", changes);
  changes = 0;
  multi = curl_multi_init();
  easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:9/"); /* nobody need listen there */
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_multi_add_handle(multi, easy);
  while (running) {
    curl_multi_perform(multi, &running);
    curl_multi_poll(multi, NULL, 0, 100, NULL);
  }
  curl_multi_remove_handle(multi, easy);
  curl_easy_cleanup(easy);
  curl_multi_cleanup(multi);
  printf("after a transfer with CURLOPT_NOSIGNAL: %d times\n", changes);
}
END
gcc-12 -D_GNU_SOURCE -o count count.c -lcurl
./count > seen
cat > expected <<'END'
never used: SIGPIPE was changed 2 times
after a transfer with CURLOPT_NOSIGNAL: 0 times
END
cat seen
diff -u expected seen || { echo "$0: this has changed"; exit 1; }
