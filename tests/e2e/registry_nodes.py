"""A registry beside the cluster whose images its nodes pull, set up as kind's documentation has it."""

from __future__ import annotations

import json

from extra_node import docker, inside

_CONFIG_PATH = '\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n'


def gateway() -> str:
    """The address of this machine in the network of the nodes."""
    gateways = json.loads(docker("network", "inspect", "kind"))[0]["IPAM"]["Config"]
    return str(next(each["Gateway"] for each in gateways if ":" not in each["Subnet"]))


def know_registry(node: str, name: str, host: str) -> None:
    """Have the node pull images of `name` from `host`; the restart is for nodes of before kind's release 0.27."""
    folder = f"/etc/containerd/certs.d/{name}"
    inside(node, "sh", "-c", f"mkdir -p {folder} && cat > {folder}/hosts.toml", given=f'[host."http://{host}"]\n')
    if "config_path = '/etc/containerd/certs.d'" not in inside(node, "containerd", "config", "dump"):
        inside(node, "sh", "-c", "cat >> /etc/containerd/config.toml", given=_CONFIG_PATH)
        inside(node, "systemctl", "restart", "containerd")
