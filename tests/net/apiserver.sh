#!/usr/bin/env bash
# A real kube-apiserver 1.20.2 with etcd, on loopback, from Debian 12's own packages and sources, for root on Debian 12, amd64.
#
#   apiserver.sh prepare                      download and build, once; what is built is used as it is
#   apiserver.sh start RUN PORT [v1|v1beta1]  start at https://127.0.0.1:PORT, etcd at PORT+1 and PORT+2
#   apiserver.sh halt RUN [term|kill]         end the API server alone; etcd stays
#   apiserver.sh resume RUN                   start it again
#   apiserver.sh stop RUN                     end all that start began, and nothing else
#
# What is built goes to $PINNATE_KUBE_CACHE, else to pinnate/kube-apiserver in $XDG_CACHE_HOME or ~/.cache. That takes 7 to 20 minutes on
# two cores, 130 MB of download and 2 GiB of disk meanwhile; 200 MiB stay. It is gone on with where it failed. Everything comes from the
# mirror that the machine's apt is set up for, checked by apt's signatures, and nothing is installed: packages are unpacked in the cache.
#
# RUN holds ca.pem; kubeconfig and admin.token, who may do all; gateway.token, who may get, list and watch endpointslices in the namespace
# `edge` and nothing else; nobody.token, who may do nothing; etcd.pid, kube-apiserver.pid and their logs.
#
# v1 serves /apis/discovery.k8s.io/v1/.../endpointslices, as clusters do since 1.21: 1.20 has only v1beta1, so the built-in group is
# switched off, and a custom resource has the path. Lists, watches, bookmarks, 410, selectors, RBAC, tokens, TLS, flow control and etcd are
# the real ones; validation, defaults and the order of keys in JSON are not, and no controller writes slices. v1beta1 is
# the server as it is.
#
# Environment: PINNATE_API_FLAGS, PINNATE_ETCD_FLAGS: more flags of both programs. Exit status: 0 done; 1 failed, with the reason as the
# last line of stderr; 2 wrong use.
set -u -o pipefail
umask 077

kubernetes_version=1.20.2        # upstream's number of Debian 12's source package "kubernetes"
go_package=golang-1.19           # Debian 12's Go
suite=bookworm

say()  { printf 'apiserver.sh: %s\n' "$*" >&2; }
die()  { say "$*"; exit 1; }
usage() { sed -n '2,/^set -u/{/^set -u/d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }
step() { # step NAME COMMAND...: run once per cache, log to $cache/log/NAME
  local name=$1; shift
  [ -e "$cache/done/$name" ] && return 0
  say "$name ..."
  local began=$SECONDS
  if ! ("$@") > "$cache/log/$name" 2>&1; then
    tail -n 15 "$cache/log/$name" >&2
    die "$name failed after $((SECONDS - began)) s; its output is in $cache/log/$name"
  fi
  echo "$((SECONDS - began))" > "$cache/done/$name"
  say "$name: $((SECONDS - began)) s"
}

# ---- prepare ----------------------------------------------------------------------------------------------

apt_here() { # a private apt state: the machine's own sources are read, never written
  local uri key
  uri=$(APT_CONFIG='' apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v s="$suite" '$2 == s && $3 == "main" {print $1; exit}')
  [ -n "$uri" ] || { echo "the machine's apt configuration names no mirror of $suite main"; return 1; }
  key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$key" ] || { echo "no $key (package debian-archive-keyring)"; return 1; }
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/cache/archives/partial" "$cache/apt/sources" || return 1
  : > "$cache/apt/status"
  printf 'Types: deb deb-src\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$uri" "$suite" "$key" > "$cache/apt/sources/debian.sources"
  cat > "$cache/apt/apt.conf" <<CONF
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$cache/apt/sources";
Dir::State::Lists "$cache/apt/lists";
Dir::State::status "$cache/apt/status";
Dir::Cache "$cache/apt/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
CONF
  APT_CONFIG=$cache/apt/apt.conf apt-get -q update
}

download() {
  export APT_CONFIG=$cache/apt/apt.conf
  mkdir -p "$cache/deb" && cd "$cache/deb" || return 1
  apt-get -q download $go_package-go $go_package-src golang-github-modern-go-reflect2-dev etcd-server etcd-client \
    kubernetes-client || return 1
  apt-get -q source --download-only kubernetes
}

unpack() {
  cd "$cache/deb" || return 1
  rm -rf "$cache/root" "$cache/go"
  mkdir -p "$cache/root" "$cache/go/src/k8s.io" || return 1
  local deb
  for deb in *.deb; do dpkg-deb -x "$deb" "$cache/root" || return 1; done
  dpkg-source --no-check -x kubernetes_*.dsc "$cache/go/src/k8s.io/kubernetes" || return 1
  # reflect2 1.0.1, vendored there, is made for Go up to 1.17; Debian's 1.0.2 is for 1.18 and later
  local vendored=$cache/go/src/k8s.io/kubernetes/vendor/github.com/modern-go/reflect2
  rm -rf "$vendored" && cp -rL "$cache/root/usr/share/gocode/src/github.com/modern-go/reflect2" "$vendored" && rm -f "$vendored"/*_test.go
}

go_env() {
  export GOROOT=$cache/root/usr/lib/go-1.19 GOPATH=$cache/go GOCACHE=$cache/gocache GOFLAGS='' GOPROXY=off \
         GO111MODULE=off CGO_ENABLED=0 HOME=$cache GOTMPDIR=''  # GOPATH mode, as upstream built it: Go 1.19 refuses its go.mod
  export PATH=$GOROOT/bin:$PATH
  cd "$cache/go/src/k8s.io/kubernetes" || return 1
}

openapi() { # upstream keeps one generated file out of its sources; make it as upstream's Makefile does, in GOPATH mode
  go_env || return 1
  go build -o "$cache/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen || return 1
  local inputs
  inputs=$(grep -rlE --include='*.go' '^// *\+k8s:openapi-gen=(true|[a-z])' pkg cmd plugin staging/src/k8s.io |
    grep -vE '/(_examples|sample-[a-z]*|testdata|third_party|code-generator)/' | xargs -n1 dirname | sort -u |
    sed 's,^staging/src/,vendor/,; s,^,k8s.io/kubernetes/,' | paste -sd,)
  [ -n "$inputs" ] || { echo "no package asks for openapi-gen"; return 1; }
  "$cache/openapi-gen" --logtostderr -v 1 --go-header-file hack/boilerplate/boilerplate.generatego.txt \
    -O zz_generated.openapi -p k8s.io/kubernetes/pkg/generated/openapi -r /dev/null -i "$inputs"
}

build() {
  go_env || return 1
  local x=k8s.io/kubernetes/vendor/k8s.io/component-base/version flags
  flags="-s -w -X $x.gitVersion=v$kubernetes_version -X $x.gitMajor=1 -X $x.gitMinor=20"
  flags="$flags -X $x.gitTreeState=archive -X $x.gitCommit=debian-$suite"
  mkdir -p "$cache/bin" || return 1
  # providerless: upstream's tag that leaves the clouds' own SDKs out
  go build -trimpath -tags providerless -ldflags "$flags" -o "$cache/bin/" ./cmd/kube-apiserver
}

check() {
  cp "$cache/root/usr/bin/etcd" "$cache/root/usr/bin/etcdctl" "$cache/root/usr/bin/kubectl" "$cache/bin/" || return 1
  "$cache/bin/etcd" --version && "$cache/bin/kube-apiserver" --version &&
  "$cache/bin/kubectl" version --client
}

tidy() { rm -rf "$cache/gocache" "$cache/go" "$cache/root" "$cache/deb" "$cache/apt" "$cache/openapi-gen"; }

prepare() {
  command -v dpkg > /dev/null || die "it is built from Debian 12's packages, and this is no Debian"
  [ "$(dpkg --print-architecture)" = amd64 ] || say "warning: tried on amd64 only"
  mkdir -p "$cache/done" "$cache/log" || die "cannot write to $cache"
  [ -e "$cache/done/tidy" ] && { say "already there: $cache/bin"; return 0; }
  local free missing=
  free=$(df -Pk "$cache" | awk 'NR == 2 {print int($4 / 1024)}')
  [ "$free" -ge 3000 ] || die "$cache has $free MiB free; building wants 3,000"
  for tool in apt-get dpkg-deb dpkg-source openssl curl patch; do command -v $tool > /dev/null || missing="$missing $tool"; done
  [ -z "$missing" ] || die "missing:$missing (apt-get install -y dpkg-dev patch openssl curl)"
  exec 9> "$cache/lock"; flock -n 9 || die "another prepare works in $cache"
  step update apt_here
  step download download
  step unpack unpack
  step openapi openapi
  step build build
  step check check
  step tidy tidy
  say "ready: $(du -sm "$cache" | cut -f1) MiB in $cache, $(cat "$cache"/done/* | awk '{n += $1} END {print n}') s in all"
}

# ---- run --------------------------------------------------------------------------------------------------

certificates() { # a CA, and a server certificate for 127.0.0.1 and localhost
  cd "$run" || return 1
  [ -e server.pem ] && return 0
  openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 3650 -subj /CN=pinnate-test-ca 2> openssl.log || return 1
  openssl req -newkey rsa:2048 -nodes -keyout server-key.pem -out server.csr -subj /CN=kube-apiserver 2>> openssl.log || return 1
  printf 'subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost,DNS:kubernetes.default.svc\nextendedKeyUsage=serverAuth\n' > server.ext
  openssl x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 3650 -extfile server.ext \
    -out server.pem 2>> openssl.log || return 1
  openssl genrsa -out service-account.key 2048 2>> openssl.log
}

tokens() { # NAME.token: admin may all, gateway may read endpointslices in namespace edge, nobody may nothing
  cd "$run" || return 1
  [ -e tokens.csv ] && return 0
  local user
  for user in admin gateway nobody; do openssl rand -hex 16 > $user.token || return 1; done
  printf '%s,admin,1,system:masters\n%s,gateway,2\n%s,nobody,3\n' \
    "$(cat admin.token)" "$(cat gateway.token)" "$(cat nobody.token)" > tokens.csv
}

born() { sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | cut -d' ' -f20; }  # when a process began: its number alone may be used again

alive() { # alive NAME: the process that we started under NAME still runs
  local pid at
  [ -e "$run/$1.pid" ] && read -r pid at < "$run/$1.pid" && [ -n "$at" ] && [ "$(born "$pid")" = "$at" ] &&
    [ "$(sed 's/.*) //' "/proc/$pid/stat" 2> /dev/null | cut -c1)" != Z ]
}

pid() { cut -d' ' -f1 "$run/$1.pid"; }

launch() { # launch NAME COMMAND...
  local name=$1; shift
  setsid "$@" > "$run/$name.log" 2>&1 < /dev/null &
  echo "$! $(born $!)" > "$run/$name.pid"
}

halt() { # halt NAME SIGNAL SECONDS: send it, wait so long, then SIGKILL. (A kube-apiserver with watches open takes 60 s to end.)
  alive "$1" || { rm -f "$run/$1.pid"; return 0; }
  local pid end; pid=$(pid "$1"); end=$((SECONDS + $3))
  kill -"$2" "$pid"
  # It is not this shell's child, so nothing tells when it ends.
  while alive "$1" && [ $SECONDS -lt $end ]; do sleep 0.1; done
  if alive "$1"; then
    say "$1 (process $pid) runs on $3 s after SIG$2: SIGKILL"
    kill -KILL "$pid"
    while alive "$1" && [ $SECONDS -lt $((end + 10)) ]; do sleep 0.1; done
  fi
  ! alive "$1" || die "$1 (process $pid) does not end"
  rm -f "$run/$1.pid"
}

wait_ready() {
  local name answer
  for _ in $(seq 1800); do
    for name in etcd kube-apiserver; do
      alive $name || { tail -n 15 "$run/$name.log" >&2; die "$name ended; $run/$name.log"; }
    done
    answer=$(curl -s -m 2 --cacert "$run/ca.pem" -H "Authorization: Bearer $(cat "$run/admin.token")" "https://127.0.0.1:$port/readyz")
    [ "$answer" = ok ] && return 0
    sleep 0.1  # it tells nobody when it is ready
  done
  die "kube-apiserver is not ready after 180 s; $run/kube-apiserver.log"
}

free_port() { ! (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

api_up() {
  port=$(cat "$run/port"); etcd_port=$(cat "$run/etcd.port")
  # advertise-address is a documentation address: nothing is sent there (endpoint reconciler off)
  local group=discovery.k8s.io/v1beta1=true
  [ "$(cat "$run/discovery")" = v1 ] && group=discovery.k8s.io/v1beta1=false  # a custom resource may then have the group
  launch kube-apiserver "$cache/bin/kube-apiserver" --runtime-config=$group --etcd-servers="http://127.0.0.1:$etcd_port" \
    --bind-address=127.0.0.1 --secure-port="$port" --insecure-port=0 --advertise-address=192.0.2.1 --endpoint-reconciler-type=none \
    --tls-cert-file="$run/server.pem" --tls-private-key-file="$run/server-key.pem" --client-ca-file="$run/ca.pem" \
    --token-auth-file="$run/tokens.csv" --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$run/service-account.key" \
    --service-account-signing-key-file="$run/service-account.key" --disable-admission-plugins=ServiceAccount \
    --feature-gates=EndpointSliceTerminatingCondition=true ${PINNATE_API_FLAGS:-}
  wait_ready
}

kubectl() { "$cache/bin/kubectl" --kubeconfig "$run/kubeconfig" "$@"; }

start() {
  [ -x "$cache/bin/kube-apiserver" ] && [ -x "$cache/bin/etcd" ] || die "nothing built in $cache: run 'prepare' first"
  mkdir -p "$run" || die "cannot write to $run"
  alive kube-apiserver && die "already running in $run (stop it first)"
  free_port "$port" || die "port $port is taken"
  free_port "$etcd_port" && free_port $((etcd_port + 1)) || die "port $etcd_port or $((etcd_port + 1)) is taken"
  certificates || die "certificates: $run/openssl.log"
  tokens || die "tokens could not be written to $run"
  [ ! -e "$run/discovery" ] || [ "$(cat "$run/discovery")" = "$mode" ] ||
    die "$run was begun with discovery.k8s.io/$(cat "$run/discovery"): take another folder"
  echo "$port" > "$run/port"; echo "$etcd_port" > "$run/etcd.port"; echo "$mode" > "$run/discovery"
  launch etcd "$cache/bin/etcd" --name e --data-dir "$run/etcd" --unsafe-no-fsync \
    --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
    --listen-peer-urls "http://127.0.0.1:$((etcd_port + 1))" --initial-advertise-peer-urls "http://127.0.0.1:$((etcd_port + 1))" \
    --initial-cluster "e=http://127.0.0.1:$((etcd_port + 1))" --logger zap --log-level warn ${PINNATE_ETCD_FLAGS:-}
  cat > "$run/kubeconfig" <<CONF
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:$port", certificate-authority: "$run/ca.pem"}}]
users: [{name: admin, user: {tokenFile: "$run/admin.token"}}]
contexts: [{name: c, context: {cluster: c, user: admin}}]
current-context: c
CONF
  api_up
  [ -e "$run/seeded" ] || { seed || die "the first objects could not be made"; touch "$run/seeded"; }
  say "https://127.0.0.1:$port ready; $run/ca.pem, $run/{admin,gateway,nobody}.token, $run/kubeconfig"
}

seed() { # namespace edge; what gateway may do; discovery.k8s.io/v1, which 1.20 lacks, as a custom resource
  if [ "$mode" = v1 ]; then
    kubectl apply -f "$here/endpointslice-v1-crd.yaml" > "$run/crd.log" 2>&1 || return 1
    for _ in $(seq 300); do kubectl get --raw /apis/discovery.k8s.io/v1/endpointslices > /dev/null 2>&1 && break; sleep 0.1; done
    kubectl get --raw /apis/discovery.k8s.io/v1/endpointslices > /dev/null || return 1
  fi
  kubectl apply -f - > "$run/seed.log" 2>&1 <<'YAML'
apiVersion: v1
kind: Namespace
metadata: {name: edge}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: endpointslice-reader, namespace: edge}
rules: [{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: gateway-reads-endpointslices, namespace: edge}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: endpointslice-reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: gateway}]
YAML
}

resume() {
  alive kube-apiserver && die "it runs already"
  port=$(cat "$run/port") || die "nothing was started in $run"
  api_up
  say "https://127.0.0.1:$port ready again"
}

absolute() { mkdir -p "$1" && (cd "$1" && pwd) || die "cannot use $1"; }
here=$(cd "$(dirname "$0")" && pwd)
verb=${1:-}; shift || usage
case $verb in
  prepare | start | resume) cache=$(absolute "${PINNATE_KUBE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pinnate/kube-apiserver}") || exit 1 ;;
esac
case $verb in
  prepare) [ $# = 0 ] || usage ;;
  *) [ $# -ge 1 ] || usage; run=$(absolute "$1") || exit 1 ;;
esac
case $verb in
  prepare) prepare ;;
  start)
    [ $# = 2 ] || [ $# = 3 ] || usage
    port=$2; etcd_port=$(($2 + 1)); mode=${3:-v1}
    case $mode in v1|v1beta1) ;; *) usage ;; esac
    start ;;
  halt) [ $# -le 2 ] || usage; halt kube-apiserver "$(echo "${2:-term}" | tr a-z A-Z)" 75 ;;
  resume) [ $# = 1 ] || usage; resume ;;
  stop) [ $# = 1 ] || usage; halt kube-apiserver TERM 5; halt etcd TERM 10 ;;
  *) usage ;;
esac
