# shellcheck shell=bash
# Debian's Python under the name of the public image that scoring images start from, so that the same Dockerfile builds
# where no container registry can be reached. Nothing of it is special to this product.

PYTHON_IMAGE=python:3.11-slim
# What is of ours is replaced when its recipe changes; an image without the label is left alone.
PYTHON_LABEL=dev.localmodel.airgap.stand-in

python_recipe() { cat "$AIRGAP"/{python-image,debian}.sh | cksum | cut -d ' ' -f 1; }

python_image_is_current() {
  have_image "$PYTHON_IMAGE" || return 1
  local label
  label=$(docker image inspect -f "{{index .Config.Labels \"$PYTHON_LABEL\"}}" "$PYTHON_IMAGE")
  [ -z "$label" ] || [ "$label" = "$(python_recipe)" ]
}

make_python_image() {
  check_debian
  say "assembling a stand-in for $PYTHON_IMAGE from Debian packages (20 s)"
  python_tree
  docker import --change 'ENV LANG=C.UTF-8' --change 'CMD ["python3"]' --change "LABEL $PYTHON_LABEL=$(python_recipe)" \
    --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' \
    "$(debian_tar python)" "$PYTHON_IMAGE" >/dev/null
}
