# shellcheck shell=bash
# What runs in pods of kube-system, as images under the names kubeadm asks for, in one archive.

# component_archive FILE PAUSE-IMAGE
component_archive() (
  local file=$1 pause=$2 kubernetes wanted proxy_base=localmodel-airgap/proxy-base work images=() image
  kubernetes=$(tools_dir kubernetes)
  wanted=$("$kubernetes/kubeadm" config images list --kubernetes-version "$KUBERNETES_VERSION")
  image_of() { echo "$wanted" | grep "/$1:" || die "this kubeadm asks for no image of $1, but for:" "$wanted"; }
  work=$(mktemp -d "$SCRATCH/components.XXXXXX")
  # On the host they have done their work once they are in the archive.
  trap 'rm -rf "$work"; docker image rm "${images[@]}" "$proxy_base" >/dev/null 2>&1 || true' EXIT

  for component in kube-apiserver kube-controller-manager kube-scheduler; do
    place "$work/$component/usr/local/bin" "$kubernetes/$component"
    image=$(image_of "$component")
    import_tree "$image" "$work/$component" 'ENV PATH=/usr/local/bin'
    images+=("$image")
  done

  place "$work/etcd/usr/local/bin" "$(tools_dir etcd)/server"
  mv "$work/etcd/usr/local/bin/server" "$work/etcd/usr/local/bin/etcd"
  image=$(image_of etcd)
  import_tree "$image" "$work/etcd" 'ENV PATH=/usr/local/bin'
  images+=("$image")

  place "$work/coredns" "$(tools_dir coredns)/coredns"
  image=$(image_of coredns)
  import_tree "$image" "$work/coredns" 'ENTRYPOINT ["/coredns"]'
  images+=("$image")

  mkdir "$work/pause"
  CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$work/pause/pause" "$AIRGAP/pause.go"
  import_tree "$pause" "$work/pause" 'ENTRYPOINT ["/pause"]'
  images+=("$pause")

  # kube-proxy is the one that needs other programs: iptables and conntrack.
  image=$(image_of kube-proxy)
  place "$work/proxy/usr/local/bin" "$kubernetes/kube-proxy"
  # shellcheck disable=SC2016 # the engine fills it in
  printf 'ARG BASE\nFROM ${BASE}\nCOPY . /\n' >"$work/proxy.Dockerfile"
  docker import "$(debian_tar proxy)" "$proxy_base" >/dev/null
  build_image "$image" "$work/proxy.Dockerfile" "$proxy_base" "$work/proxy"
  images+=("$image")

  docker save -o "$file" "${images[@]}"
)
