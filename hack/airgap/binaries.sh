# shellcheck shell=bash
# Kubernetes, containerd, etcd, CoreDNS and kind, compiled from their Go modules.
#
# Each folder of go/ is a module that requires one of them and pins everything below it (go.mod, go.sum): `go install`
# refuses modules with replace or exclude directives, and these have some. Go's own build cache makes a second build
# quick; what is compiled lies under the checksum of what it was compiled from.

GO_MODULES=$AIRGAP/go
KUBERNETES_BINARIES=(kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubeadm)
CONTAINERD_BINARIES=(containerd containerd-shim-runc-v2 ctr)

# module_version FOLDER MODULE: the version go.mod requires, not the one a replace directive names
module_version() { awk -v module="$2" '$1 == "require" { $1 = ""; $0 = $0 } $1 == module && $2 ~ /^v/ { print $2; exit }' "$GO_MODULES/$1/go.mod"; }

# This file is one of the inputs: it has the flags.
tools_dir() { echo "$CACHE/$1-$(cat "$AIRGAP/binaries.sh" "$GO_MODULES/$1"/* | cksum | cut -d ' ' -f 1)"; }

# compiled MODULE BINARY...: whether all are there
compiled() {
  local dir binary
  dir=$(tools_dir "$1")
  for binary in "${@:2}"; do [ -x "$dir/$binary" ] || return 1; done
}

# The package whose binary has this name, among the `tool` lines of go.mod; the module's own, where it is a program.
package_of() {
  if [ -e "$GO_MODULES/$1/main.go" ]; then echo .; else
    sed -n "s|^\(tool\)\{0,1\}[[:space:]]*\([^ ]*/$2\(/v[0-9]*\)\{0,1\}\)\$|\2|p" "$GO_MODULES/$1/go.mod"
  fi
}

# compile MODULE LDFLAGS TAGS BINARY...: those that are missing, in one build, which shares their packages
compile() {
  local module=$1 ldflags=$2 tags=$3 dir new binary packages=()
  shift 3
  dir=$(tools_dir "$module")
  for binary in "$@"; do [ -x "$dir/$binary" ] || packages+=("$(package_of "$module" "$binary")"); done
  [ ${#packages[@]} -gt 0 ] || return 0
  # Only a whole build moves in: one that is interrupted leaves nothing that counts as done.
  mkdir -p "$dir" "$SCRATCH"
  new=$(mktemp -d "$SCRATCH/go.XXXXXX")
  (cd "$GO_MODULES/$module" &&
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags "$tags" -ldflags "-s -w $ldflags" -o "$new/" "${packages[@]}") || {
    rm -rf "$new"
    die "could not compile $module: see Go's message above"
  }
  mv "$new"/* "$dir/"
  rmdir "$new"
}

compile_kubernetes() {
  local version minor stamp=k8s.io/component-base/version
  version=$(module_version kubernetes k8s.io/kubernetes)
  minor=$(echo "$version" | cut -d . -f 2)
  # kubeadm decides what to install by the version it was stamped with.
  compile kubernetes \
    "-X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=$minor -X $stamp.gitTreeState=clean" \
    "" "$@"
}

compile_containerd() {
  local containerd=github.com/containerd/containerd/v2
  compile containerd "-X $containerd/version.Version=$(module_version containerd "$containerd")" \
    "no_aufs no_btrfs no_devmapper no_zfs" "${CONTAINERD_BINARIES[@]}"
}

compile_etcd() { compile etcd "" "" server; }
compile_coredns() { compile coredns "" "" coredns; }
compile_kind() { compile kind "" "" kind; }

# Seconds are those of a processor, as measured with an empty Go cache.
plan_clients() {
  compiled kind kind || plan 40 "compiling kind" compile_kind
  compiled kubernetes kubectl || plan 150 "compiling kubectl" compile_kubernetes kubectl
}

plan_binaries() {
  compiled kind kind || plan 40 "compiling kind" compile_kind
  compiled kubernetes "${KUBERNETES_BINARIES[@]}" ||
    plan 700 "compiling Kubernetes (${KUBERNETES_BINARIES[*]})" compile_kubernetes "${KUBERNETES_BINARIES[@]}"
  compiled containerd "${CONTAINERD_BINARIES[@]}" || plan 140 "compiling containerd" compile_containerd
  compiled etcd server || plan 30 "compiling etcd" compile_etcd
  compiled coredns coredns || plan 120 "compiling CoreDNS" compile_coredns
}

# For a machine that has an engine and Go, and only lacks the commands. The caller holds the lock.
compile_clients() {
  check_go
  plan_clients
  carry_out
  link_clients
}

# Those of the two that were compiled.
link_clients() {
  local client
  mkdir -p "$BIN"
  for client in "$(tools_dir kind)/kind" "$(tools_dir kubernetes)/kubectl"; do
    [ ! -x "$client" ] || ln -sf "$client" "$BIN/"
  done
  hash -r # bash remembers where it found another kind before
}

# What earlier versions of these files made, a gigabyte each.
drop_old_tools() {
  local module current found
  for module in "$GO_MODULES"/*/; do
    module=$(basename "$module")
    current=$(tools_dir "$module")
    for found in "$CACHE/$module"-*; do [ "$found" = "$current" ] || rm -rf "$found"; done
  done
}

check_go() {
  (cd "$GO_MODULES/kind" && go env GOVERSION) >/dev/null 2>&1 ||
    die "Go 1.25 or later is needed to compile Kubernetes and kind: install it, or install kind and kubectl yourself"
}
