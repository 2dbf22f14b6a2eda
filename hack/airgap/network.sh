# shellcheck shell=bash
# Pods' network without kind's own CNI, which is an image that cannot be pulled: the plugins of Debian's package in each
# node, and routes between nodes. NetworkPolicies are therefore not enforced.

# without_default_cni CONFIG: the kind configuration, with the default CNI off
without_default_cni() {
  if grep -q '^networking:' "$1"; then
    sed '/^networking:/a\  disableDefaultCNI: true' "$1"
  else
    cat "$1"
    printf '\nnetworking:\n  disableDefaultCNI: true\n'
  fi
}

nodes_of() { kind get nodes --name "$1" | grep -v -e '-external-load-balancer$'; }
pod_range() { kubectl --context "kind-$1" get node "$2" -o 'jsonpath={.spec.podCIDR}'; }

# A node counts as Ready once it has its configuration: so the routes come first, and Ready means that both are there.
wire_pods() {
  local node range
  wait_for_pod_ranges "$1"
  routes "$1"
  for node in $(nodes_of "$1"); do
    range=$(pod_range "$1" "$node")
    cni_configuration "$range" |
      docker exec -i "$node" sh -c 'cd /etc/cni/net.d && cat >.new && mv .new 10-pods.conflist'
  done
}

wait_for_pod_ranges() {
  local node _
  for node in $(nodes_of "$1"); do
    for _ in $(seq 120); do
      [ -z "$(pod_range "$1" "$node")" ] || continue 2
      sleep 0.5
    done
    die "node $node was given no address range for its pods within 60 s: see the log of kube-controller-manager"
  done
}

# Routes live in the node's kernel, and its address may change with a restart of the engine. Fails where the cluster does
# not tell the ranges.
keep_routes() {
  case $(docker inspect -f '{{.Config.Image}}' "$1-control-plane") in "$NODE_REPOSITORY":*) routes "$1" ;; esac
}

routes() {
  local node other nodes range
  nodes=$(nodes_of "$1")
  for node in $nodes; do
    for other in $nodes; do
      [ "$other" != "$node" ] || continue
      range=$(pod_range "$1" "$other") || return
      docker exec "$node" ip route replace "$range" via "$(node_address "$other")" || return
    done
  done
}

node_address() { docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' "$1"; }

# ptp, not bridge: every packet passes the node's routing, so that service addresses work between pods of one node too.
cni_configuration() {
  cat <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$1"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
}
