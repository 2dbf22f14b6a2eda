# shellcheck shell=bash
# Small helpers to make images from file trees.

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

# import_tree TAG FOLDER CHANGE...: an image that holds a folder and nothing else
import_tree() {
  local tag=$1 folder=$2 change changes=()
  shift 2
  for change in "$@"; do changes+=(--change "$change"); done
  tar -C "$folder" --owner=0 --group=0 -c . | docker import "${changes[@]}" - "$tag" >/dev/null
}

# build_image TAG DOCKERFILE BASE CONTEXT: what the build says is shown if it fails
build_image() {
  local log
  log=$(docker build -t "$1" --build-arg "BASE=$3" -f "$2" "$4" 2>&1) || {
    echo "$log" | tail -n 20 >&2
    die "the image $1 could not be built: see above"
  }
}

# place FOLDER BINARY...: copy executables there
place() {
  mkdir -p "$1"
  cp "${@:2}" "$1/"
}
