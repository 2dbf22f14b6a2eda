"""One more node for a kind cluster that is running, made as kind makes its own, and taken away again."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator

from kube import Cluster, eventually

TAINT = "localmodel.dev/e2e"  # pods of other tests stay away
_CNI = "/etc/cni/net.d/10-pods.conflist"  # of hack/airgap; a cluster with kind's own network has none


def docker(*arguments: str, given: str | None = None) -> str:
    ended = subprocess.run(
        ["docker", *arguments], input=given, capture_output=True, text=True, timeout=180, check=False
    )
    assert ended.returncode == 0, f"docker {' '.join(arguments)}: {ended.stderr}{ended.stdout}"
    return ended.stdout.strip()


def inside(node: str, *command: str, given: str | None = None) -> str:
    return docker("exec", "-i", node, *command, given=given)


class ExtraNode:
    """A worker named CLUSTER-extra."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self.name = cluster, f"{cluster.name}-extra"
        (self._like,) = (node for node in cluster.nodes() if node.endswith("-worker"))

    def join(self) -> None:
        """Start the container, have it join, and wait until the node is Ready."""
        found = json.loads(docker("inspect", self._like))[0]
        labels = {"io.x-k8s.kind.cluster": self._cluster.name, "io.x-k8s.kind.role": "worker"}
        docker(
            *("run", "--detach", "--tty", "--privileged", "--name", self.name, "--hostname", self.name),
            *(part for name, value in labels.items() for part in ("--label", f"{name}={value}")),
            *("--network", "kind", "--tmpfs", "/tmp", "--tmpfs", "/run", "--volume", "/var"),
            *("--volume", "/lib/modules:/lib/modules:ro", "--cgroupns", "private"),
            *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *("--env", "KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER", found["Config"]["Image"]),
        )
        eventually(self._is_up, "containerd in the new node", 60)
        inside(self.name, "sh", "-c", "cat > /kind/kubeadm.conf", given=self._configuration())
        inside(self.name, "kubeadm", "join", "--config=/kind/kubeadm.conf", "--skip-phases=preflight")
        # the kubelet says so itself, a moment after kubeadm is content
        eventually(lambda: self.name in self._cluster.nodes(), "the new Node", 60)
        self._wire()
        self._cluster.kubectl("wait", "--for=condition=Ready", f"node/{self.name}", "--timeout=120s")

    def remove(self) -> None:
        """Take the container away, and the Node with it."""
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True, check=False)
        self._cluster.kubectl("delete", "node", self.name, "--ignore-not-found")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Every process in the node stands still."""
        docker("pause", self.name)
        try:
            yield
        finally:
            docker("unpause", self.name)

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """The node's containerd takes questions, and answers none."""
        inside(self.name, "pkill", "-STOP", "-x", "containerd")
        try:
            yield
        finally:
            inside(self.name, "pkill", "-CONT", "-x", "containerd")

    def _is_up(self) -> bool:
        command = ["docker", "exec", self.name, "ctr", "version"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _configuration(self) -> str:
        """That of the worker, with this node's address and a token that has not expired."""
        (control_plane,) = (node for node in self._cluster.nodes() if node.endswith("-control-plane"))
        token = inside(control_plane, "kubeadm", "token", "create", "--ttl=10m").split()[-1]
        text = inside(self._like, "cat", "/kind/kubeadm.conf")
        text = text.replace(f"/{self._like}\n", f"/{self.name}\n").replace(_address(self._like), _address(self.name))
        text = re.sub(r"(token: ).*", rf"\g<1>{token}", text)
        taints = f"  taints: [{{key: {TAINT}, effect: NoSchedule}}]\n"
        return text.replace("nodeRegistration:\n", f"nodeRegistration:\n{taints}")

    def _wire(self) -> None:
        """Pods' network where kind's own is not used: its configuration, and routes both ways."""
        configured = ["docker", "exec", self._like, "test", "-e", _CNI]
        if subprocess.run(configured, capture_output=True, check=False).returncode != 0:
            return
        own = eventually(lambda: self._range(self.name) or None, "addresses for the new node's pods", 60)
        for other in set(self._cluster.nodes()) - {self.name}:
            inside(self.name, "ip", "route", "replace", self._range(other), "via", _address(other))
            inside(other, "ip", "route", "replace", own, "via", _address(self.name))
        text = inside(self._like, "cat", _CNI).replace(self._range(self._like), own)
        inside(self.name, "sh", "-c", f"mkdir -p /etc/cni/net.d && cat > {_CNI}", given=text)

    def _range(self, node: str) -> str:
        return self._cluster.kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDR}")


def _address(node: str) -> str:
    return docker("inspect", "--format", "{{.NetworkSettings.Networks.kind.IPAddress}}", node)
