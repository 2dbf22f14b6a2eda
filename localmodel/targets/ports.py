"""Ports on this machine: which are free, and who holds the others."""

import contextlib
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Container
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError

HOST = "127.0.0.1"
# The default port of a deployment, as of Azure ML's local web services.
FIRST = 6789
# Ports to try, because each cluster from kind-config.yaml holds ten in a row.
TRIED = 100
_SECONDS_FOR_PORT = 5.0
# Linux uses ports from 32768 on for connections of clients, other systems from 49152 on.
_SPARE = range(20000, 32768)


def is_free(port: int) -> bool:
    """Whether nothing on this machine answers or listens on the port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        # Some systems let one address be bound although another program listens on all of them.
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def require(port: int, holder: Callable[[int], str]) -> None:
    """Whoever names a port gets that one, or none.

    Raises:
        UserError: PortTaken.
    """
    if not is_free(port):
        raise UserError(
            reasons.PORT_TAKEN,
            f"spec.service.localPort {port} is held by {holder(port)}; name another one, or none to have a free one",
        )


def allocate(
    kept: int | None, others: Container[int], holder: Callable[[int], str], note: Callable[[str], None]
) -> int:
    """The kept port; if that is held, or there is none, the first free one.

    `others` are ports that belong to other deployments; `note` gets a sentence on anything unexpected.

    Raises:
        UserError: NoPortFree.
    """
    if kept is not None and is_free(kept):
        return kept
    last = FIRST + TRIED - 1
    free = (port for port in range(FIRST, last + 1) if port not in others and is_free(port))
    if (port := next(free, None)) is None:
        raise UserError(
            reasons.NO_PORT_FREE,
            f"spec.service.localPort: not given, and none from {FIRST} to {last} is free; name one that is",
        )
    expected = kept or FIRST
    if not is_free(expected):
        note(f"port {expected} is held by {holder(expected)}; taking {port}")
    return port


def wait_until_free(port: int, option: str) -> None:
    """Wait a moment until a program that is about to end leaves the port; `option` is where the user named it.

    Raises:
        UserError: PortTaken.
    """
    end = time.monotonic() + _SECONDS_FOR_PORT
    while not is_free(port):
        if time.monotonic() > end:
            raise UserError(reasons.PORT_TAKEN, f"{option} {port} is held by {holder(port)}; name another one")
        time.sleep(0.1)


def spare() -> int:
    """A free port that stays free for a while, because connections of clients do not use its range."""
    return next(port for port in secrets.SystemRandom().sample(_SPARE, len(_SPARE)) if is_free(port))


def holder(port: int) -> str:
    """A phrase for what listens on the port: a kind cluster, a container, a process, or another program."""
    process = _from_proc(port) if Path("/proc/net/tcp").exists() else _from_lsof(port)
    if process is None or process[1].startswith("docker"):
        container = _container(port)
        if container:
            return container
    return f"{process[1]} (process {process[0]})" if process else "another program"


def _container(port: int) -> str | None:
    """The container that publishes the port, if a docker command is there to ask."""
    row = '{{.Label "io.x-k8s.kind.cluster"}}|{{.Names}}'
    cluster, _, name = _output("docker", "ps", "--filter", f"publish={port}", "--format", row).partition("|")
    if cluster:
        return f"the kind cluster {cluster!r}"
    return f"the container {name.splitlines()[0]!r}" if name else None


def _from_proc(port: int) -> tuple[int, str] | None:
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*"):
        # Processes may end meanwhile, and those of other users cannot be read.
        with contextlib.suppress(OSError):
            if any(str(link.readlink()) in sockets for link in (folder / "fd").iterdir()):
                return int(folder.name), (folder / "comm").read_text().strip()
    return None


def _listening_inodes(port: int) -> list[str]:
    listen, inodes = "0A", []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if table.exists():
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == listen and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.append(fields[9])
    return inodes


def _from_lsof(port: int) -> tuple[int, str] | None:
    fields = _output("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc").splitlines()
    values = {field[0]: field[1:] for field in reversed(fields)}
    return (int(values["p"]), values["c"]) if {"p", "c"} <= values.keys() else None


def _output(*command: str) -> str:
    if shutil.which(command[0]) is None:
        return ""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, text=True, timeout=3, check=False).stdout.strip()
    return ""
