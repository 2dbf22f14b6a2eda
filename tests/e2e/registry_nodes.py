"""A registry beside the cluster whose images its nodes pull, set up as kind's documentation has it."""

from __future__ import annotations

import json
from pathlib import Path

import docker as docker_sdk
from extra_node import docker, inside
from support.images import Images

from localmodel.engine import saved
from localmodel.oci.layout import Layout

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


def push_python(host: str, folder: Path) -> str:
    """Push the engine's base image to the registry; return its name there. The folder is for what is in between."""
    layout, client = Layout(folder), docker_sdk.from_env()
    base = saved.keep(client, "python:3.11-slim", "", layout)
    client.close()
    layers = (layout.read(blob.digest) for blob in base.layers)
    Images(host, "team/python", insecure=True).push("3.11-slim", layers, "", base.architecture, base.variables)
    return f"{host}/team/python:3.11-slim"
