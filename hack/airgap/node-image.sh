# shellcheck shell=bash
# The node image, laid out as `kind build node-image` does it: kind's files over Debian with systemd, Kubernetes'
# binaries, and the component images in the node's own containerd.

KUBERNETES_VERSION=$(module_version kubernetes k8s.io/kubernetes)

# A name of its own, for this is not the image published as kindest/node. The tag changes with what goes in.
node_image_name() {
  local inputs
  inputs=$(cat "$HACK"/airgap/{node-image,component-images,images,debian}.sh "$HACK"/airgap/{node.Dockerfile,pause.go} \
    "$GO_MODULES"/*/go.mod | cksum | cut -d ' ' -f 1)
  echo "localmodel-airgap/node:$KUBERNETES_VERSION-$inputs"
}
NODE_IMAGE=$(node_image_name)

node_image() {
  have_image "$NODE_IMAGE" && return
  say "assembling $NODE_IMAGE (a minute)"
  make_node_image
}

make_node_image() (
  work=$(mktemp -d "$CACHE/node.XXXXXX")
  bare=localmodel-airgap/node-bare:$$ builder=
  trap 'rm -rf "$work"; docker rm -f "$builder" >/dev/null 2>&1; docker image rm "$bare" "$bare-debian" >/dev/null 2>&1 || true' EXIT

  node_files "$work/files"
  docker import "$(debian_tar node)" "$bare-debian" >/dev/null
  docker build -q -t "$bare" --build-arg "BASE=$bare-debian" -f "$HACK/airgap/node.Dockerfile" "$work/files" \
    >"$CACHE/node-image.log" 2>&1 || { tail -n 20 "$CACHE/node-image.log" >&2; die "could not build the node image: see above"; }

  component_archive "$work/components.tar" "$(sandbox_image "$work/files")"
  builder=$(docker run -d --privileged --entrypoint containerd -v "$work:/work:ro" "$bare")
  in_builder() { docker exec "$builder" ctr --namespace k8s.io "$@" >/dev/null; }
  for _ in $(seq 100); do in_builder version 2>/dev/null && break; sleep 0.2; done
  in_builder images import --all-platforms --no-unpack --digests /work/components.tar
  docker kill --signal TERM "$builder" >/dev/null
  docker wait "$builder" >/dev/null
  # The tag comes last: an image of this name is a whole one.
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$builder" "$NODE_IMAGE" >/dev/null
)

# node_files FOLDER: kind's files and the binaries, as they lie in a node
node_files() {
  local kubernetes containerd kind_module
  kubernetes=$(tools_dir kubernetes)
  containerd=$(tools_dir containerd)
  kind_module=$(cd "$GO_MODULES/kind" && go list -m -f '{{.Dir}}' sigs.k8s.io/kind)
  mkdir -p "$1"
  cp -R "$kind_module/images/base/files/." "$1/"
  # Go's module cache is read-only and knows no executable bit.
  chmod -R u=rwX,go=rX "$1"
  chmod 0755 "$1"/usr/local/bin/* "$1"/kind/bin/*
  place "$1/usr/bin" "$kubernetes"/{kubelet,kubeadm,kubectl}
  place "$1/usr/local/bin" "$containerd"/{containerd,containerd-shim-runc-v2,ctr}
  # kind reads a node's Kubernetes version here.
  printf %s "$KUBERNETES_VERSION" >"$1/kind/version"
}

# sandbox_image FILES: the image containerd is configured to hold pods with
sandbox_image() { sed -n 's/^ *sandbox_image = "\(.*\)"/\1/p' "$1/etc/containerd/config.toml"; }
