"""The nodes of a kind cluster: containers, reached by `docker exec`, with `ctr` for their images.

Images are identified by the names that `ctr` prints, which the nodes of every kind release have.
"""

import contextlib
import re
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import docker
import docker.errors

from localmodel.updates.held import Gap

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"

_CTR = ["ctr", "-n", "k8s.io"]
_USABLE = 'labels."io.cri-containerd.image"==managed'
_ANSWERS_WITHIN = 20.0  # seconds without a byte, for a question
_LOOKED_AFTER = 2.0  # seconds in which no sent byte is taken
_ARRIVED_WITHIN = 1.0  # seconds until the output of an ended command has arrived
_TAKES_WITHIN = 300.0  # seconds without a byte, for an import, which is silent while it unpacks a large layer

# One command, because each costs tens of milliseconds to start. It gets the image's name, a folder, and for each gap in
# the archive how much comes before it, a file, and how much of that belongs there.
# A pod's files are read as the pod's user, and as nothing that makes a reader wait: its script may have put a link or
# a pipe in their place. Other bytes than those that were there are no harm, because containerd checks the digests, as
# long as they are inside their layer: what is too short is filled up, a file as well as a stream that was cut, for
# otherwise a script could choose where in the archive containerd finds the next name of an image.
# --local=false: containerd 1.7's default path leaves a broken record behind when a layer is missing.
# It waits, because a pod that is created before the kubelet knows the image backs off for 20 s.
_LOAD = """
image=$1 folder=$2
shift 2
exactly() {
  size=$1
  shift
  { "$@"; cat /dev/zero; } | head -c "$size"
}
held() {
  setpriv --reuid=65532 --regid=65532 --clear-groups --no-new-privs \\
    dd if="$1" iflag=count_bytes,fullblock,nofollow,nonblock bs=1M count="$2" status=none
}
whole() {
  [ $# -eq 0 ] || cd "$folder" || exit
  while [ $# -gt 0 ]; do
    exactly "$1" head -c "$1"
    exactly "$3" held "$2" "$3"
    shift 3
  done
  exec cat
}
whole "$@" | ctr -n k8s.io images import --local=false --snapshotter=overlayfs - || exit
for attempt in $(seq 600); do
  ctr -n k8s.io images ls "name==$image" | grep -q io.cri-containerd.image=managed && exit
  sleep 0.05
done
echo "imported, but the kubelet's side does not list it"
exit 1
"""


class NodeError(Exception):
    """A command in a node failed; the text is its output."""


@dataclass(frozen=True)
class Node:
    """A running node container. `ports` are pairs of a port on the host's loopback and a port of the node."""

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
    """Ids of all kind nodes on this engine, of any cluster, running or not."""
    return {c["Id"] for c in client.api.containers(all=True, filters={"label": CLUSTER_LABEL})}


def execute(
    client: docker.DockerClient,
    node: Node,
    command: list[str],
    stdin: Iterable[bytes] = (),
    silence: float = _ANSWERS_WITHIN,
) -> str:
    """Run a command in the node, with the chunks on its standard input; return its output.

    Raises:
        NodeError: its exit code is not 0, no byte was transferred for `silence` seconds, or the node is paused or gone.
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
        raise NodeError(f"{_words(command)}: exit code {code}: {_last_words(printed)}")
    return printed


def _last_words(printed: str) -> str:
    """The last line, which is the error, without parts that differ each time."""
    last = printed.strip().rpartition("\n")[2]
    return re.sub(r'time="[^"]*" |"?extract-[\w-]+ ', "", last)[-500:]


def _words(command: list[str]) -> str:
    """The name of a command in messages."""
    return "ctr images import" if command[0] == "sh" else " ".join(command[:6])


def _send(raw: Any, chunks: Iterable[bytes], silence: float, has_ended: Callable[[], bool]) -> bool:
    """Send all chunks, or as many as the command takes; return whether the engine will close the connection.

    Sometimes the engine neither reads the rest for a command that has ended, nor closes the connection.
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
        pass  # the command ended before it read everything; its output says why
    return True


def _frames(raw: Any, hangs_up: bool) -> Iterator[bytes]:
    """The output, without the eight bytes before each piece that give its stream and length.

    Unless `hangs_up`, silence is the end. (The SDK's own reader would wait for ever.)
    """
    # the engine closes the connection on unread input of an ended command, whose output has arrived before
    ends = (ConnectionResetError,) if hangs_up else (ConnectionResetError, TimeoutError)
    while len(header := _exactly(raw, 8, ends)) == 8:
        yield _exactly(raw, struct.unpack(">4xL", header)[0], ends)


def _exactly(raw: Any, size: int, ends: tuple[type[Exception], ...]) -> bytes:
    """Read this many bytes, or fewer at the stream's end."""
    content = b""
    with contextlib.suppress(*ends):
        while len(content) < size and (piece := raw.recv(size - len(content))):
            content += piece
    return content


def usable_images(client: docker.DockerClient, node: Node) -> set[str]:
    """The names of the images that a pod on the node could use now."""
    return set(execute(client, node, [*_CTR, "images", "ls", "-q", _USABLE]).split())


def chain_ids(client: docker.DockerClient, node: Node) -> set[str]:
    """The chain ids of the layers that the node has unpacked."""
    listing = execute(client, node, [*_CTR, "snapshots", "--snapshotter", "overlayfs", "ls"])
    return {line.split()[0] for line in listing.splitlines()[1:] if line.startswith("sha256:")}


def load(
    client: docker.DockerClient,
    node: Node,
    archive: Iterable[bytes],
    reference: str,
    folder: str = "",
    gaps: Sequence[Gap] = (),
) -> None:
    """Import an OCI archive, whose gaps the node fills from a folder, and wait until the kubelet knows the image.

    Raises:
        NodeError: the node refused it; the text says "not found" if a layer is missing that was not sent.
    """
    filled = [str(word) for gap in gaps for word in (gap.sent, gap.path, gap.size)]
    execute(client, node, ["sh", "-c", _LOAD, "sh", reference, folder, *filled], archive, _TAKES_WITHIN)


def images(client: docker.DockerClient, node: Node) -> dict[str, str]:
    """The node's image records, name -> digest of the manifest."""
    listing = execute(client, node, [*_CTR, "images", "ls"]).splitlines()[1:]
    return {fields[0]: fields[2] for fields in (line.split() for line in listing) if len(fields) > 2}


def remove(client: docker.DockerClient, node: Node, references: list[str]) -> None:
    """Remove image records, and wait until the content that only they used is removed, too."""
    execute(client, node, [*_CTR, "images", "rm", "--sync", *references], silence=_TAKES_WITHIN)
