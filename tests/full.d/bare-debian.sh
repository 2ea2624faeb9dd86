#!/usr/bin/env bash
# Both commands of the README on a bare Debian 12: a minimal system made by debootstrap, with nothing but git, and a clone in it.
#     bare-debian.sh [--work-tree]    --work-tree: with what is not committed yet
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
skip() { echo "$*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "only root can make a chroot"
command -v debootstrap >/dev/null || skip "debootstrap is missing"

work=$(mktemp -d /var/tmp/pinnate-debian-XXXXXX)
system=$work/system
mounts=()
clean_up() {
  local i
  for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount "${mounts[i]}" || umount --lazy "${mounts[i]}" || true; done
  # Never cross into a file system that is still mounted.
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# The mirror that this machine uses for Debian 12, and how it gets there: proxy, certificates, names.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' 2>/dev/null |
         head -n 1)
mirror=${mirror:-http://deb.debian.org/debian/}
echo "== debootstrap from $mirror"
debootstrap --variant=minbase --include=git,ca-certificates bookworm "$system" "$mirror" >"$work/debootstrap.log" 2>&1 ||
  { tail -n 20 "$work/debootstrap.log"; exit 1; }
apt-config dump Acquire | grep -i -E '^Acquire::(https?::proxy|https?::ca|retries|forceipv)' >"$system/etc/apt/apt.conf.d/90host" || true
cp -L /etc/resolv.conf /etc/hosts "$system/etc/"
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$system/usr/local/share/ca-certificates/"
  chroot "$system" update-ca-certificates >/dev/null 2>&1
fi

mount -t proc proc "$system/proc"; mounts+=("$system/proc")
mount -t sysfs -o ro sysfs "$system/sys"; mounts+=("$system/sys")
mount -t tmpfs -o mode=755 tmpfs "$system/dev"; mounts+=("$system/dev")
for device in null zero full random urandom tty; do
  touch "$system/dev/$device"
  mount --bind "/dev/$device" "$system/dev/$device"; mounts+=("$system/dev/$device")
done
ln -s /proc/self/fd "$system/dev/fd"
mkdir "$system/dev/shm"
chmod 1777 "$system/dev/shm"

git clone --quiet "file://$root" "$system/root/pinnate"
if [ "${1-}" = --work-tree ]; then
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    tar -C "$root" --null --files-from=- --ignore-failed-read -c | tar -C "$system/root/pinnate" -x
fi

inside() {
  echo "== in the bare system: $*"
  chroot "$system" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb sh -c 'cd /root/pinnate && exec "$@"' sh "$@"
}
inside samples/quickstart.sh
inside tests/run.sh --only release
echo "== both commands of the README work on a bare Debian 12"
