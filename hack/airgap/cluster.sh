# shellcheck shell=bash
# A cluster from nothing but Debian packages and Go modules: what kind-up does where no node image can be pulled.

AIRGAP=$HACK/airgap
SCRATCH=$CACHE/scratch # holds what is not whole yet
. "$AIRGAP/binaries.sh"
. "$AIRGAP/debian.sh"
. "$AIRGAP/images.sh"
. "$AIRGAP/component-images.sh"
. "$AIRGAP/node-image.sh"
. "$AIRGAP/python-image.sh"
. "$AIRGAP/network.sh"

# create_airgapped NAME CONFIG
create_airgapped() {
  local config
  check_host
  # The pair that fits the node image, whatever else this machine has.
  compile_kind
  compile_kubernetes kubectl
  link_clients
  if ! have_image "$NODE_IMAGE" || ! python_image_is_current; then make_images; fi
  config=$(mktemp)
  without_default_cni "$2" >"$config"
  create_cluster "$1" "$config" --image "$NODE_IMAGE"
  rm -f "$config"
  wire_pods "$1"
}

make_images() {
  say "making the images: about 10 minutes on 2 cores the first time, nearly all of it Go compiling Kubernetes"
  # Debian's packages arrive while Go compiles.
  debian_trees &
  compile_everything
  wait $! || die "Debian's packages are not complete: see above"
  have_image "$NODE_IMAGE" || make_node_image
  python_image_is_current || make_python_image
  drop_old_node_images
}

check_host() {
  { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; } || die "making the node image needs root on Debian 12." \
    "Elsewhere, give the engine access to a container registry, or load a kindest/node image into it."
  check_go
  have mmdebstrap && return
  say "installing mmdebstrap from Debian"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
}

# Two that build the same would be in each other's way; the second finds everything made. Whoever holds the lock may
# clear away what an interrupted one left.
one_at_a_time() {
  mkdir -p "$CACHE"
  have flock || return 0 # not on macOS, where nothing but kind and kubectl is built
  exec 9>"$CACHE/lock"
  flock --nonblock 9 || {
    say "waiting for another $(basename "$0") on this machine"
    flock 9
  }
  rm -rf "$SCRATCH"
  mkdir "$SCRATCH"
}
