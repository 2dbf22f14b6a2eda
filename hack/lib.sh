# shellcheck shell=bash
# shellcheck disable=SC2034 # variables are for those who read this file in
# What engine-up, kind-up and kind-env share: where things are, and how to speak.

# What would make the programs called here do something else than on another machine; where packages and engines are
# (GOPROXY, DOCKER_HOST, ...) stays the user's.
unset CDPATH GREP_OPTIONS TAR_OPTIONS GOOS GOARCH GOEXPERIMENT DOCKER_DEFAULT_PLATFORM DOCKER_BUILDKIT
unset KIND_EXPERIMENTAL_PROVIDER KIND_EXPERIMENTAL_DOCKER_NETWORK KIND_CLUSTER_NAME
export GOFLAGS=-mod=readonly GOWORK=off GO111MODULE=on BUILDX_BUILDER=default

HACK=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$HACK")

default_cache() {
  if [ "$(id -u)" = 0 ]; then echo /var/cache/localmodel-airgap; else
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/localmodel-airgap"; fi
}
CACHE=${LOCALMODEL_AIRGAP_CACHE:-$(default_cache)}
export LOCALMODEL_AIRGAP_CACHE=$CACHE # the same for what is started here
AIRGAP=$HACK/airgap
SCRATCH=$CACHE/scratch # holds what is not whole yet

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

# Two that build the same would be in each other's way; the second finds everything made. Whoever holds the lock may
# clear away what an interrupted one left.
one_at_a_time() {
  mkdir -p "$CACHE"
  have flock || return 0 # not on macOS, where nothing but kind and kubectl is built
  exec 9>"$CACHE/lock"
  flock --nonblock 9 || {
    say "waiting for another build on this machine"
    flock 9
  }
  rm -rf "$SCRATCH"
  mkdir "$SCRATCH"
}

is_root_on_debian() { [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && have apt-get; }

# install_from_debian PACKAGE...: waits for another apt-get (a new machine runs one by itself), and asks what there is now
install_from_debian() {
  local apt=(apt-get -o DPkg::Lock::Timeout=300 -qq)
  say "installing from Debian: $*"
  export DEBIAN_FRONTEND=noninteractive
  { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "$@"; } </dev/null >&2 ||
    die "apt-get could not install $*: see above"
}

# For making images where none can be pulled.
check_debian() {
  is_root_on_debian || die "making images here needs root on Debian 12." \
    "Elsewhere, give the engine access to a container registry, or load the images into it."
  have mmdebstrap || install_from_debian mmdebstrap
}

# The engine is asked, for it is the one who pulls (by its own mirrors and proxies). It names the image as soon as the
# registry has answered, long before it has it.
can_pull() {
  say "asking the engine whether it can pull ${1%:*} (15 s at most)"
  local output pull answer=1 deadline=$((SECONDS + 15))
  output=$(mktemp)
  docker pull "$1" >"$output" 2>/dev/null &
  pull=$!
  while [ $SECONDS -lt $deadline ]; do
    if grep -q "Pulling from" "$output"; then answer=0; break; fi
    kill -0 $pull 2>/dev/null || break
    sleep 0.1
  done
  { kill -KILL $pull; wait $pull; } 2>/dev/null || true
  rm -f "$output"
  return $answer
}

# Asked of the engine: kind may have to be compiled first.
is_listed() { [ -n "$(docker ps --all --quiet --filter "label=io.x-k8s.kind.cluster=$1")" ]; }

# create_cluster NAME CONFIG OPTION...
create_cluster() {
  kind create cluster --name "$1" --config "$2" "${@:3}" >&2 ||
    die "kind could not make cluster $1: see above (\"port is already allocated\" means that another cluster has the" \
      "host ports of the configuration: kind get clusters, docker ps)"
}
