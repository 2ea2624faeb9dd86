# shellcheck shell=bash disable=SC2034
# Which Debian packages Pinnate needs, and how they get there. Sourced by samples/quickstart.sh, samples/Dockerfile, tests/run.sh and tests/bench/compare.sh.

packages_for_build="g++ cmake ninja-build pkg-config libuv1-dev libmsgpack-cxx-dev zlib1g-dev libssl-dev libsqlite3-dev
                    libc-ares-dev libcurl4-openssl-dev rapidjson-dev libcli11-dev libtomlplusplus-dev libjpeg-dev"
packages_for_tests="doctest-dev python3 python3-msgpack python3-pip python3-setuptools python3-wheel python3-gevent mypy abigail-tools strace gdb binutils iproute2 nftables dnsmasq-base bind9
                    nginx-light nginx-dev make mosquitto mosquitto-dev libmosquitto-dev mosquitto-clients libglib2.0-dev gunicorn
                    python3-aiohttp wrk curl procps gfortran"
packages_for_full="podman runc netavark aardvark-dns iptables debootstrap git ca-certificates golang-go rustc"
packages_for_kubernetes="dpkg-dev patch openssl curl"
packages_for_bench="g++ libssl-dev binutils python3 nats-server nginx-light mosquitto libnng-dev"
# Used where they are, never installed: ccache (faster builds), clang (the header test compiles with it too).

# install_packages PACKAGE...: installs those that are missing, as root or by sudo. Silent when none is.
install_packages() {
  local package words missing=() as_root=()
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || return 0  # no Debian: CMake says what it lacks
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Missing packages, and neither root nor sudo to install them. As root:" >&2
      echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "Installing Debian packages: ${missing[*]}"
  as_root+=(env DEBIAN_FRONTEND=noninteractive)
  # A source that cannot be reached may be one that nothing is wanted from: the install decides.
  words=$("${as_root[@]}" apt-get update -qq 2>&1 </dev/null) || printf '%s\n' "$words" >&2
  if ! words=$("${as_root[@]}" apt-get install -qq --yes --no-install-recommends "${missing[@]}" 2>&1 </dev/null); then
    printf '%s\n' "$words" | tail -n 20 >&2
    echo "apt-get could not install: ${missing[*]}" >&2
    return 1
  fi
}
