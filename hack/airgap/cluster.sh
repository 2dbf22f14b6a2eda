# shellcheck shell=bash
# A cluster from nothing but Debian packages and Go modules: what kind-up does where no node image can be pulled.

. "$AIRGAP/binaries.sh"
. "$AIRGAP/debian.sh"
. "$AIRGAP/images.sh"
. "$AIRGAP/component-images.sh"
. "$AIRGAP/node-image.sh"
. "$AIRGAP/network.sh"

# create_airgapped NAME CONFIG
create_airgapped() {
  local config
  check_debian
  check_go
  # The pair that fits the node image, whatever else this machine has.
  compile_kind
  compile_kubernetes kubectl
  link_clients
  have_image "$NODE_IMAGE" || make_images
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
  make_node_image
  drop_old_node_images
}
