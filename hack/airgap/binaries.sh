# shellcheck shell=bash
# Kubernetes, containerd, etcd, CoreDNS and kind, compiled from their Go modules.
#
# Each folder of go/ is a module that requires one of them and pins everything below it (go.mod, go.sum): `go install`
# refuses modules with replace or exclude directives, and these have some. Go's own build cache makes a second build
# quick; what is compiled lies under the checksum of what it was compiled from.

GO_MODULES=$AIRGAP/go

# module_version FOLDER MODULE: the version go.mod requires, not the one a replace directive names
module_version() { sed -n "s|^\(require\)\{0,1\}[[:space:]]*$2 \(v[^ ]*\).*|\2|p" "$GO_MODULES/$1/go.mod" | head -n 1; }

tools_dir() { echo "$CACHE/$1-$(cat "$GO_MODULES/$1/go.mod" "$GO_MODULES/$1/go.sum" | cksum | cut -d ' ' -f 1)"; }

# The package whose binary has this name, among the `tool` lines of go.mod.
package_of() { sed -n "s|^\(tool\)\{0,1\}[[:space:]]*\([^ ]*/$2\(/v[0-9]*\)\{0,1\}\)\$|\2|p" "$GO_MODULES/$1/go.mod"; }

# compile MODULE LDFLAGS TAGS BINARY...
compile() {
  local module=$1 ldflags=$2 tags=$3 dir new binary packages=()
  shift 3
  dir=$(tools_dir "$module")
  for binary in "$@"; do [ -x "$dir/$binary" ] || packages+=("$(package_of "$module" "$binary")"); done
  [ ${#packages[@]} -gt 0 ] || return 0
  say "compiling ${packages[*]##*/cmd/} (minutes, less with what Go's cache has)"
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

compile_kind() { compile kind "" "" kind; }

# For a machine that has an engine and Go, and only lacks the commands.
compile_clients() {
  check_go
  one_at_a_time
  have kind || compile_kind
  have kubectl || compile_kubernetes kubectl
  link_clients
}

compile_everything() {
  local containerd=github.com/containerd/containerd/v2
  compile_kubernetes kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubeadm
  compile containerd "-X $containerd/version.Version=$(module_version containerd "$containerd")" \
    "no_aufs no_btrfs no_devmapper no_zfs" containerd containerd-shim-runc-v2 ctr
  compile etcd "" "" server
  compile coredns "" "" coredns
}

# Those of the two that were compiled.
link_clients() {
  local client
  mkdir -p "$BIN"
  for client in "$(tools_dir kind)/kind" "$(tools_dir kubernetes)/kubectl"; do
    [ ! -x "$client" ] || ln -sf "$client" "$BIN/"
  done
}

check_go() {
  (cd "$GO_MODULES/kind" && go env GOVERSION) >/dev/null 2>&1 ||
    die "Go 1.25 or later is needed to compile Kubernetes and kind: install it, or install kind and kubectl yourself"
}
