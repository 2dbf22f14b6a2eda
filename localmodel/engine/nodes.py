"""The nodes of a kind cluster: containers, reached by `docker exec`, with `ctr` for their images.

All of it goes by the names `ctr` prints; kind's nodes carry it in every release.
"""

import contextlib
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"

_CTR = ["ctr", "-n", "k8s.io"]
_USABLE = 'labels."io.cri-containerd.image"==managed'
_ANSWERS_WITHIN = 20.0  # seconds without a byte, of a question
_LOOKED_AFTER = 2.0  # seconds in which nothing of what is sent is taken
_ARRIVED_WITHIN = 1.0  # seconds, of what a command had printed before it ended
_TAKES_WITHIN = 300.0  # seconds without a byte, of an import: nothing is said while a large layer is unpacked

# One command, because each costs tens of milliseconds to start. $1 is the image's name.
# --local=false: containerd 1.7's default path leaves a broken record behind when a layer is missing.
# The wait: a pod made before the kubelet's side knows the image fails to find it, and backs off for 20 s.
_LOAD = """
ctr -n k8s.io images import --local=false --snapshotter=overlayfs - || exit
for attempt in $(seq 600); do
  ctr -n k8s.io images ls "name==$1" | grep -q io.cri-containerd.image=managed && exit
  sleep 0.05
done
echo "imported, but the kubelet's side does not list it"
exit 1
"""


class NodeError(Exception):
    """A command in a node failed; the text is what it printed."""


@dataclass(frozen=True)
class Node:
    """A running node container. `ports` maps ports on the host's loopback to ports of the node."""

    id: str
    name: str
    ports: tuple[tuple[int, int], ...]
    paused: bool = False


def nodes(client: docker.DockerClient, cluster: str) -> list[Node]:
    """The cluster's running nodes, by name."""
    containers = client.api.containers(filters={"label": f"{CLUSTER_LABEL}={cluster}"})
    return sorted(
        (
            Node(
                container["Id"],
                container["Names"][0].lstrip("/"),
                tuple(_ports(container)),
                container["State"] == "paused",
            )
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


def execute(
    client: docker.DockerClient,
    node: Node,
    command: list[str],
    stdin: Iterable[bytes] = (),
    silence: float = _ANSWERS_WITHIN,
) -> str:
    """Run a command in the node, with the chunks on its standard input. Returns what it printed.

    Raises:
        NodeError: it ended with another exit code than 0, no byte went either way for `silence` seconds, or the node
            is paused or gone.
    """
    if node.paused:
        raise NodeError(f"it is paused (docker unpause {node.name})")
    api = client.api
    try:
        execution = api.exec_create(node.id, command, stdin=True)["Id"]
        stream = api.exec_start(execution, socket=True)
        raw: Any = getattr(stream, "_sock", stream)
        try:
            hangs_up = _send(raw, stdin, silence, lambda: not api.exec_inspect(execution)["Running"])
            raw.settimeout(silence if hangs_up else _ARRIVED_WITHIN)
            printed = b"".join(_frames(raw, hangs_up)).decode(errors="replace")
        finally:
            stream.close()
            raw.close()
        code = api.exec_inspect(execution)["ExitCode"]
    except TimeoutError:
        raise NodeError(f"{_words(command)}: nothing happened for {silence:g} s") from None
    except docker.errors.APIError as error:
        raise NodeError(f"{_words(command)}: {error.explanation or error}") from None
    if code != 0:
        raise NodeError(f"{_words(command)}: exit code {code}: {_said(printed)}")
    return printed


def _said(printed: str) -> str:
    """The last line, which is the error, without what differs from one time to the next."""
    last = printed.strip().rpartition("\n")[2]
    return re.sub(r'time="[^"]*" |"?extract-[\w-]+ ', "", last)[-500:]


def _words(command: list[str]) -> str:
    """What to call a command in a message."""
    return "ctr images import" if command[0] == "sh" else " ".join(command[:6])


def _send(raw: Any, chunks: Iterable[bytes], silence: float, has_ended: Callable[[], bool]) -> bool:
    """Send it all, or as much as the command takes. Returns whether the engine will hang up when the command ends.

    Now and then the engine neither reads what is left over for a command that has ended, nor hangs up.
    """
    raw.settimeout(min(silence, _LOOKED_AFTER))
    try:
        for chunk in chunks:
            left, taken_at = memoryview(chunk), time.monotonic()
            while left:
                try:
                    left = left[raw.send(left) :]
                    taken_at = time.monotonic()
                except TimeoutError:
                    if has_ended():
                        return False
                    if time.monotonic() - taken_at >= silence:
                        raise
        raw.shutdown(socket.SHUT_WR)
    except TimeoutError:
        raise
    except OSError:
        pass  # the command ended before it read everything: what it printed says why
    return True


def _frames(raw: Any, hangs_up: bool) -> Iterator[bytes]:
    """What comes back, without the eight bytes before each piece that say of which stream it is, and how long.

    Not `hangs_up`: silence is the end. (The SDK's own reader waits for ever.)
    """
    # the engine hangs up on what a command that has ended did not read; what it printed has arrived before
    ends = (ConnectionResetError,) if hangs_up else (ConnectionResetError, TimeoutError)
    while len(header := _exactly(raw, 8, ends)) == 8:
        yield _exactly(raw, struct.unpack(">4xL", header)[0], ends)


def _exactly(raw: Any, size: int, ends: tuple[type[Exception], ...]) -> bytes:
    """That many bytes; fewer at the stream's end."""
    content = b""
    with contextlib.suppress(*ends):
        while len(content) < size and (piece := raw.recv(size - len(content))):
            content += piece
    return content


def usable_images(client: docker.DockerClient, node: Node) -> set[str]:
    """Names of the images that a pod on the node could use now."""
    return set(execute(client, node, [*_CTR, "images", "ls", "-q", _USABLE]).split())


def chain_ids(client: docker.DockerClient, node: Node) -> set[str]:
    """The stacks of layers the node has unpacked."""
    listing = execute(client, node, [*_CTR, "snapshots", "--snapshotter", "overlayfs", "ls"])
    return {line.split()[0] for line in listing.splitlines()[1:] if line.startswith("sha256:")}


def load(client: docker.DockerClient, node: Node, archive: Iterable[bytes], reference: str) -> None:
    """Import an OCI archive and wait until the kubelet's side knows the image.

    Raises:
        NodeError: the node refused it (the text says "not found" where a layer that was not sent is missing).
    """
    execute(client, node, ["sh", "-c", _LOAD, "sh", reference], archive, _TAKES_WITHIN)


def images(client: docker.DockerClient, node: Node) -> dict[str, str]:
    """Every image record of the node: name -> digest of its manifest."""
    listing = execute(client, node, [*_CTR, "images", "ls"]).splitlines()[1:]
    return {fields[0]: fields[2] for fields in (line.split() for line in listing) if len(fields) > 2}


def remove(client: docker.DockerClient, node: Node, references: list[str]) -> None:
    """Remove image records; returns when what only they held is gone, too."""
    execute(client, node, [*_CTR, "images", "rm", "--sync", *references], silence=_TAKES_WITHIN)
