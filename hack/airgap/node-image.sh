# shellcheck shell=bash
# The node image, laid out as `kind build node-image` does it: kind's files over Debian with systemd, Kubernetes'
# binaries, and the component images in the node's own containerd.

KUBERNETES_VERSION=$(module_version kubernetes k8s.io/kubernetes)
# A name of its own, for this is not the image published as kindest/node.
NODE_REPOSITORY=localmodel-airgap/node

# The tag changes with what goes in.
node_image_tag() {
  local inputs
  inputs=$(cat "$AIRGAP"/{node-image,component-images,images,debian,binaries}.sh "$AIRGAP"/{node.Dockerfile,pause.go} \
    "$GO_MODULES"/*/* | cksum | cut -d ' ' -f 1)
  echo "$KUBERNETES_VERSION-$inputs"
}
NODE_IMAGE=$NODE_REPOSITORY:$(node_image_tag)

make_node_image() (
  work=$(mktemp -d "$SCRATCH/node.XXXXXX")
  debian=localmodel-airgap/debian bare=localmodel-airgap/node-bare builder=localmodel-airgap-builder
  # shellcheck disable=SC2329 # the trap calls it
  clear_away() {
    rm -rf "$work"
    docker rm -f "$builder" >/dev/null 2>&1 || true
    docker image rm "$bare" "$debian" >/dev/null 2>&1 || true
  }
  trap clear_away EXIT

  node_files "$work/files"
  docker import "$(debian_tar node)" "$debian" >/dev/null
  build_image "$bare" "$AIRGAP/node.Dockerfile" "$debian" "$work/files"

  component_archive "$work/components.tar" "$(sandbox_image "$work/files")"
  docker rm -f "$builder" >/dev/null 2>&1 || true
  docker run -d --name "$builder" --privileged --entrypoint containerd -v "$work:/incoming:ro" "$bare" >/dev/null
  load_components "$builder" /incoming/components.tar
  # The tag comes last: an image of this name is a whole one.
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$builder" "$NODE_IMAGE" >/dev/null
)

# load_components CONTAINER ARCHIVE: into the containerd that the container runs, and stop it in order
load_components() {
  local deadline=$((SECONDS + 60))
  until docker exec "$1" ctr version >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || die "containerd of the node image did not answer within 60 s: see docker logs $1"
    sleep 0.2
  done
  docker exec "$1" ctr --namespace k8s.io images import --all-platforms --no-unpack --digests "$2" >/dev/null
  docker kill --signal TERM "$1" >/dev/null
  docker wait "$1" >/dev/null
}

# node_files FOLDER: kind's files and the binaries, as they lie in a node
node_files() {
  local kubernetes containerd kind_module
  kubernetes=$(tools_dir kubernetes)
  containerd=$(tools_dir containerd)
  # Downloaded first: where kind was compiled on another day, Go's module cache may not have it any more.
  kind_module=$(cd "$GO_MODULES/kind" && go mod download sigs.k8s.io/kind && go list -m -f '{{.Dir}}' sigs.k8s.io/kind)
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

# sandbox_image FILES: the image that containerd is configured to hold pods with
sandbox_image() { sed -n 's/^ *sandbox_image = "\(.*\)"/\1/p' "$1/etc/containerd/config.toml"; }

# A gigabyte each. One that a cluster still runs on stays: the engine refuses.
drop_old_node_images() {
  docker image ls --format '{{.Repository}}:{{.Tag}}' "$NODE_REPOSITORY" | grep -vxF "$NODE_IMAGE" |
    xargs -r docker image rm >/dev/null 2>&1 || true
}
