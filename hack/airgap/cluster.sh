# shellcheck shell=bash
# A cluster from nothing but Debian packages and Go modules: what kind-up does where no node image can be pulled.

. "$AIRGAP/plan.sh"
. "$AIRGAP/binaries.sh"
. "$AIRGAP/debian.sh"
. "$AIRGAP/images.sh"
. "$AIRGAP/component-images.sh"
. "$AIRGAP/node-image.sh"
. "$AIRGAP/network.sh"

# create_airgapped NAME CONFIG
create_airgapped() {
  check_debian
  check_go
  # The pair that fits the node image, whatever else this machine has.
  if have_image "$NODE_IMAGE"; then plan_clients; else plan_images; fi
  plan 60 "making cluster $1" start_airgapped "$1" "$2"
  carry_out
}

plan_images() {
  # First, because it fails first where Debian's packages cannot be had.
  plan_debian_trees
  plan_binaries
  plan 60 "assembling $NODE_IMAGE" replace_node_image
}

start_airgapped() {
  local config=$SCRATCH/cluster.yaml
  link_clients
  without_default_cni "$2" >"$config"
  create_cluster "$1" "$config" --image "$NODE_IMAGE"
  wire_pods "$1"
}

# What the image before was made of goes with it.
replace_node_image() {
  make_node_image
  link_clients
  drop_old_node_images
  drop_old_tools
  drop_old_debian_trees
}
