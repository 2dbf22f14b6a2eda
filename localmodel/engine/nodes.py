"""The nodes of a kind cluster: containers, reached by `docker exec`, with `ctr` for their images.

All of it goes by the names `ctr` prints; kind's nodes carry it in every release.
"""

import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors
from docker.utils.socket import frames_iter

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"

_CTR = ["ctr", "-n", "k8s.io"]
_MANAGED = "io.cri-containerd.image=managed"
_MANAGED_WITHIN = 30.0  # seconds


class NodeError(Exception):
    """A command in a node failed; the text is what it printed."""


@dataclass(frozen=True)
class Node:
    """A running node container. `ports` maps ports on the host's loopback to ports of the node."""

    id: str
    name: str
    ports: tuple[tuple[int, int], ...]


def nodes(client: docker.DockerClient, cluster: str) -> list[Node]:
    """The cluster's running nodes, by name."""
    containers = client.api.containers(filters={"label": f"{CLUSTER_LABEL}={cluster}"})
    return sorted(
        (
            Node(container["Id"], container["Names"][0].lstrip("/"), tuple(_ports(container)))
            for container in containers
            if container["Labels"].get(ROLE_LABEL) in ("control-plane", "worker")
        ),
        key=lambda node: node.name,
    )


def _ports(container: dict[str, Any]) -> Iterator[tuple[int, int]]:
    for port in container.get("Ports", []):
        if port.get("IP") in ("127.0.0.1", "0.0.0.0") and port.get("Type") == "tcp":  # noqa: S104 - read, not bound
            yield port["PublicPort"], port["PrivatePort"]


def container_ids(client: docker.DockerClient) -> set[str]:
    """Ids of every kind node on this engine, of any cluster, running or not."""
    return {c["Id"] for c in client.api.containers(all=True, filters={"label": CLUSTER_LABEL})}


def execute(client: docker.DockerClient, node: Node, command: list[str], stdin: Iterable[bytes] = ()) -> str:
    """Run a command in the node, with the chunks on its standard input. Returns what it printed.

    Raises:
        NodeError: it ended with another exit code than 0.
    """
    api = client.api
    execution = api.exec_create(node.id, command, stdin=True)["Id"]
    stream = api.exec_start(execution, socket=True)
    raw: Any = getattr(stream, "_sock", stream)
    try:
        try:
            for chunk in stdin:
                raw.sendall(chunk)
            raw.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the command ended before it read everything: what it printed says why
        frames = frames_iter(stream, tty=False)  # type: ignore[no-untyped-call]
        printed = b"".join(data for _, data in frames).decode(errors="replace")
    finally:
        stream.close()
    code = api.exec_inspect(execution)["ExitCode"]
    if code != 0:
        raise NodeError(f"{node.name}: {' '.join(command[:6])}: exit code {code}: {printed.strip()[-2000:]}")
    return printed


def has_image(client: docker.DockerClient, node: Node, reference: str) -> bool:
    """Whether a pod on the node could use the image now."""
    return _MANAGED in execute(client, node, [*_CTR, "images", "ls", f"name=={reference}"])


def chain_ids(client: docker.DockerClient, node: Node) -> set[str]:
    """The stacks of layers the node has unpacked."""
    listing = execute(client, node, [*_CTR, "snapshots", "--snapshotter", "overlayfs", "ls"])
    return {line.split()[0] for line in listing.splitlines()[1:] if line.startswith("sha256:")}


def load(client: docker.DockerClient, node: Node, archive: Iterable[bytes], reference: str) -> None:
    """Import an OCI archive and wait until the kubelet's side knows the image.

    Without that wait a pod made at once fails to find it and backs off for 20 s.

    Raises:
        NodeError: the node refused it (a layer that was not sent is missing, say).
    """
    # --local=false: containerd 1.7's default path leaves a broken record behind when a layer is missing
    execute(client, node, [*_CTR, "images", "import", "--local=false", "--snapshotter=overlayfs", "-"], archive)
    deadline = time.monotonic() + _MANAGED_WITHIN
    while not has_image(client, node, reference):
        if time.monotonic() > deadline:
            raise NodeError(f"{node.name}: imported {reference}, but the kubelet's side does not list it")
        time.sleep(0.02)


def images(client: docker.DockerClient, node: Node) -> dict[str, str]:
    """Every image record of the node: name -> digest of its manifest."""
    listing = execute(client, node, [*_CTR, "images", "ls"]).splitlines()[1:]
    return {fields[0]: fields[2] for fields in (line.split() for line in listing) if len(fields) > 2}


def remove(client: docker.DockerClient, node: Node, references: list[str]) -> None:
    execute(client, node, [*_CTR, "images", "rm", "--sync", *references])
