# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who read this file in
# What kind-up, kind-down and kind-env share: where things are, and how to speak.

HACK=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$HACK")

default_cache() {
  if [ "$(id -u)" = 0 ]; then echo /var/cache/localmodel-airgap; else
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/localmodel-airgap"; fi
}
CACHE=${LOCALMODEL_AIRGAP_CACHE:-$(default_cache)}

# Holds kind and kubectl only, never the containerd or runc of the nodes: an engine started with those on its
# PATH would run the nodes' shim in place of its own.
BIN=$CACHE/bin
export PATH=$BIN:$PATH

say() { echo "[$(basename "$0")] $*" >&2; }
die() {
  say "error: $*"
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
engine_answers() { have docker && docker info >/dev/null 2>&1; }
is_listed() { kind get clusters 2>/dev/null | grep -x "$1" >/dev/null; }

# create_cluster NAME CONFIG OPTION...
create_cluster() {
  kind create cluster --name "$1" --config "$2" "${@:3}" >&2 ||
    die "kind could not make cluster $1: see above (\"port is already allocated\" means that another cluster has the" \
      "host ports of the configuration: kind get clusters, docker ps)"
}
