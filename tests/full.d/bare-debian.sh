#!/usr/bin/env bash
# Both commands of the README on a bare Debian 12: a minimal system made by debootstrap, with nothing but git, and a clone in it. Once as root,
# and once, in a fresh system, as an ordinary user with sudo.
#     bare-debian.sh [--work-tree] [--as root|user]... [--part PART]...
# --work-tree   with what is not committed yet
# --as          only as this one
# --part        of tests/run.sh only these parts; without it, root runs the command as the README has it, and the user the part `release`
# The systems are made in $TMPDIR, else in /var/tmp, and are gone afterwards.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
skip() { echo "$*"; exit 77; }
usage() { sed -n '2,/^set -e/{/^set -e/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; }

work_tree=no who=() parts=()
while [ $# -gt 0 ]; do
  case $1 in
    --work-tree) work_tree=yes ;;
    --as) case ${2-} in root | user) who+=("$2"); shift ;; *) usage ;; esac ;;
    --part) [ $# -ge 2 ] || usage; parts+=(--only "$2"); shift ;;
    *) usage ;;
  esac
  shift
done
[ ${#who[@]} -gt 0 ] || who=(root user)
[ "$(id -u)" = 0 ] || skip "only root can make a chroot"
command -v debootstrap >/dev/null || skip "debootstrap is missing"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/pinnate-debian-XXXXXX")
mounts=()
unmount_all() {
  local i
  umount --lazy "$work"/*/run/netns 2>/dev/null || true  # `ip netns` leaves a mount of its own
  for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do umount "${mounts[i]}" || umount --lazy "${mounts[i]}" || true; done
  mounts=()
}
clean_up() {
  unmount_all
  # Never cross into a file system that is still mounted.
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# in_system SYSTEM COMMAND...: as root, with nothing of this machine's environment.
in_system() {
  local system=$1
  shift
  chroot "$system" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@" >"$work/in-system.log" 2>&1 </dev/null ||
    { echo "failed in the bare system: $*"; tail -n 20 "$work/in-system.log"; exit 1; }
}

# make_base FOLDER: from the mirror that this machine uses for Debian 12, with how it gets there: proxy, certificates, names.
make_base() {
  local base=$1 mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' 2>/dev/null |
           head -n 1)
  mirror=${mirror:-http://deb.debian.org/debian/}
  echo "== debootstrap from $mirror"
  debootstrap --variant=minbase --include=git,ca-certificates bookworm "$base" "$mirror" >"$work/debootstrap.log" 2>&1 ||
    { tail -n 20 "$work/debootstrap.log"; exit 1; }
  apt-config dump Acquire | grep -i -E '^Acquire::(https?::proxy|https?::ca|retries|forceipv)' >"$base/etc/apt/apt.conf.d/90host" || true
  cp -L /etc/resolv.conf /etc/hosts "$base/etc/"
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$base/usr/local/share/ca-certificates/"
    in_system "$base" update-ca-certificates
  fi
}

mount_into() {
  local system=$1 device
  mount -t proc proc "$system/proc"; mounts+=("$system/proc")
  mount -t sysfs -o ro sysfs "$system/sys"; mounts+=("$system/sys")
  mount -t tmpfs -o mode=755 tmpfs "$system/dev"; mounts+=("$system/dev")
  mkdir "$system/dev/pts"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$system/dev/pts"; mounts+=("$system/dev/pts")
  ln -s pts/ptmx "$system/dev/ptmx"
  for device in null zero full random urandom tty; do
    touch "$system/dev/$device"
    mount --bind "/dev/$device" "$system/dev/$device"; mounts+=("$system/dev/$device")
  done
  ln -s /proc/self/fd "$system/dev/fd"
  mkdir "$system/dev/shm"
  chmod 1777 "$system/dev/shm"
}

# clone_into FOLDER
clone_into() {
  git clone --quiet "file://$root" "$1"
  [ $work_tree = yes ] || return 0
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    tar -C "$root" --null --files-from=- --ignore-failed-read -c | tar -C "$1" --no-same-owner -x
}

# inside SYSTEM USER HOME COMMAND...
inside() {
  local system=$1 user=$2 home=$3
  shift 3
  echo "== as $user in the bare system: $*"
  # shellcheck disable=SC2016  # for the shell inside
  chroot --userspec="$user" --groups="" "$system" env -i HOME="$home" USER="$user" PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    TERM=dumb sh -c 'cd "$HOME/pinnate" && exec "$@"' sh "$@"
}

# ends_cleanly LOG PROCESSES: the demo was played to its end.
ends_cleanly() {
  local last
  last=$(tail -n 1 "$1")
  [[ $last =~ ^\ *$2\ processes\ ended\ cleanly$ ]] ||
    { echo "the last line of the quickstart is '$last', should be '$2 processes ended cleanly'"; exit 1; }
}

# try_as root|user
try_as() {
  local system=$work/$1 home=/root run=(tests/run.sh) shape=() processes=19
  cp -a "$work/base" "$system"
  mount_into "$system"
  if [ "$1" = user ]; then
    home=/srv/user run=(tests/run.sh --only release)
    shape=(--nodes 1 --clusters 1 --engines 1) processes=4  # options reach the demo
    in_system "$system" apt-get update -qq
    in_system "$system" apt-get install -qq --yes --no-install-recommends sudo
    in_system "$system" useradd --create-home --home-dir "$home" --shell /bin/sh user
    echo 'user ALL=(ALL) NOPASSWD: ALL' >"$system/etc/sudoers.d/user"
    chmod 440 "$system/etc/sudoers.d/user"
  fi
  if [ ${#parts[@]} -gt 0 ]; then run=(tests/run.sh "${parts[@]}"); fi
  clone_into "$system$home/pinnate"
  if [ "$1" = user ]; then in_system "$system" chown -R user:user "$home/pinnate"; fi
  inside "$system" "$1" "$home" samples/quickstart.sh ${shape[@]+"${shape[@]}"} | tee "$work/quickstart.log"
  ends_cleanly "$work/quickstart.log" "$processes"
  inside "$system" "$1" "$home" "${run[@]}"
  unmount_all
  rm -rf --one-file-system "$system"
}

make_base "$work/base"
for one in "${who[@]}"; do try_as "$one"; done
echo "== both commands of the README work on a bare Debian 12: as ${who[*]}"
