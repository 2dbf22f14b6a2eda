# shellcheck shell=bash
# File trees of Debian packages, as tar files: what a node, kube-proxy and the Python image stand on.
# Each lies in the cache under the checksum of this file.

SUITE=bookworm # its Python is 3.11; its systemd is below 256, which no longer runs on cgroup v1

# What runs a node; what kubelet, kube-proxy and kind's entrypoint call; what containerd calls.
NODE_PACKAGES=systemd,systemd-sysv,dbus
NODE_PACKAGES+=,bash,ca-certificates,conntrack,curl,ebtables,ethtool,iproute2,iptables,jq,kmod,mount,nftables,procps,socat
NODE_PACKAGES+=,containernetworking-plugins,libseccomp2,pigz,runc,util-linux
PROXY_PACKAGES=iptables,conntrack,kmod
PYTHON_PACKAGES=python3,python3-venv,python3-pip,ca-certificates,netbase,tzdata

# In the public image, Python lies in /usr/local/bin, and pip may install there. Both are said while the tree is made:
# GNU tar corrupts some archives that are edited afterwards.
# shellcheck disable=SC2016 # $1 is for the shell of mmdebstrap: the tree that it makes
PYTHON_OPTIONS=(--dpkgopt='path-exclude=/usr/lib/python3*/EXTERNALLY-MANAGED'
  --customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python3" && ln -s python3 "$1/usr/local/bin/python"')

debian_tar() { echo "$CACHE/debian-$1-$(cksum <"$AIRGAP/debian.sh" | cut -d ' ' -f 1).tar"; }

plan_debian_trees() {
  [ -e "$(debian_tar node)" ] || plan 30 "assembling Debian packages: node" debian_tree node minbase "$NODE_PACKAGES"
  [ -e "$(debian_tar proxy)" ] || plan 15 "assembling Debian packages: proxy" debian_tree proxy essential "$PROXY_PACKAGES"
}

python_tree() { debian_tree python minbase "$PYTHON_PACKAGES" "${PYTHON_OPTIONS[@]}"; }

# debian_tree NAME VARIANT PACKAGES OPTION...
debian_tree() {
  local tar new sources=() file
  tar=$(debian_tar "$1")
  [ ! -e "$tar" ] || return 0
  new=$SCRATCH/${tar##*/}
  # From where this machine gets its own packages: that may be a mirror.
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
    ! grep -qs "$SUITE" "$file" || sources+=("$file")
  done
  mmdebstrap --variant="$2" --include="$3" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "${@:4}" \
    "$SUITE" "$new" "${sources[@]}" >"$CACHE/debian-$1.log" 2>&1 </dev/null || {
    tail -n 20 "$CACHE/debian-$1.log" >&2
    die "mmdebstrap could not assemble $1: see above, all of it in $CACHE/debian-$1.log"
  }
  mv "$new" "$tar"
}

drop_old_debian_trees() {
  local name found
  for name in node proxy python; do
    for found in "$CACHE/debian-$name"-*.tar; do [ "$found" = "$(debian_tar "$name")" ] || rm -f "$found"; done
  done
}
