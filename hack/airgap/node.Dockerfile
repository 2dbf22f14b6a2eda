# A kind node: Debian with systemd (the base), kind's own files and the compiled binaries (the context).
ARG BASE
FROM ${BASE}
COPY . /

# A node starts what kind's entrypoint and kubeadm tell it to and no other unit: no getty, no udev, no tmpfiles at boot.
# kubelet and containerd come from the files copied above; binfmt would change the host's kernel.
RUN rm -f /etc/systemd/system/*.wants/* \
          /lib/systemd/system/multi-user.target.wants/* \
          /lib/systemd/system/local-fs.target.wants/* \
          /lib/systemd/system/basic.target.wants/* \
          /lib/systemd/system/sockets.target.wants/*initctl* \
          /lib/systemd/system/sockets.target.wants/*udev* \
          /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
 && systemctl enable containerd.service kubelet.service undo-mount-hacks.service \
 && systemctl mask systemd-binfmt.service \
 && echo ReadKMsg=no >>/etc/systemd/journald.conf

# Where kubeadm and containerd look; and no negative oom_score_adj, for which a node may lack the capability.
RUN mkdir -p /etc/kubernetes/manifests /opt/cni /usr/local/sbin \
 && ln -s /usr/lib/cni /opt/cni/bin \
 && ln -s /usr/sbin/runc /usr/local/sbin/runc \
 && sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml

# The OCI spec every container of the node starts from: with kind's hook, which hides the host's product id from pods.
RUN ctr oci spec \
  | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
  >/etc/containerd/cri-base.json

ENV container=docker
# systemd's own signal for an orderly halt
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
