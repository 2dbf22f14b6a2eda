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

# place FOLDER BINARY...: copy executables there
place() {
  mkdir -p "$1"
  cp "${@:2}" "$1/"
}
