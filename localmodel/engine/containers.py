"""Containers, each of which serves one deployment: starts, signals, inspects and ends them."""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import docker.errors
from docker.types import LogConfig, Mount

from localmodel import reasons
from localmodel.errors import UserError

HOST = "127.0.0.1"
_SECONDS_TO_STOP = 10
# A home for the server's user, who has none in the image.
_WRITABLE = "/tmp"  # noqa: S108 - inside the container
_TO_LOG = 'echo "the log is in $1"; exec >>"$1" 2>&1; shift; exec "$@"'


@dataclass(frozen=True)
class Engine:
    """The properties of an engine: `architecture` in Docker's words, the number of CPUs, and its security options."""

    architecture: str
    cpus: int
    options: tuple[str, ...]

    def is_told(self, option: str) -> bool:
        return any(f"name={option}" in entry.split(",") for entry in self.options)


@dataclass(frozen=True)
class Served:
    """A container to start: `ports` are published on the loopback (None means any), folders have their own paths.

    `memory` is in bytes, `cpus` in processors; None means unlimited.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    command: Sequence[str]
    log: Path
    user: tuple[int, int]
    ports: Mapping[int, int | None]
    writable: Collection[Path]
    readable: Collection[Path]
    memory: int | None
    cpus: float | None


def engine(client: docker.DockerClient) -> Engine:
    info = client.info()
    return Engine(client.version()["Arch"], int(info["NCPU"]), tuple(info.get("SecurityOptions") or ()))


def path_of(client: docker.DockerClient, image: str) -> str:
    """The image's PATH."""
    variables = client.images.get(image).attrs["Config"].get("Env") or []
    return next((text.partition("=")[2] for text in variables if text.startswith("PATH=")), "/usr/bin:/bin")


def start(client: docker.DockerClient, wanted: Served) -> str:
    """Start the container, which also starts after a restart of the engine; return its id.

    Raises:
        UserError: PortTaken, EngineRemote, ContainerRefused.
    """
    about = engine(client)
    # An address alone means any port of it.
    published_at: Any = {f"{port}/tcp": (HOST, at) if at else (HOST,) for port, at in wanted.ports.items()}
    restart: Any = {"Name": "unless-stopped"}
    with _translated():
        created = client.containers.create(
            wanted.image,
            list(wanted.command),
            entrypoint=["/bin/sh", "-c", _TO_LOG, "sh", str(wanted.log)],
            name=wanted.name,
            labels=dict(wanted.labels),
            # In a rootless engine, root is the user who runs it.
            user="0:0" if about.is_told("rootless") else "{}:{}".format(*wanted.user),
            userns_mode="host" if about.is_told("userns") else None,
            # Other containers can call it by its name.
            environment={"HOME": _WRITABLE, "LOCALMODEL_SERVICE_NAME": wanted.name},
            ports=published_at,
            mounts=[
                *(Mount(str(path), str(path), type="bind") for path in wanted.writable),
                *(Mount(str(path), str(path), type="bind", read_only=True) for path in wanted.readable),
                Mount(_WRITABLE, None, type="volume"),
            ],
            restart_policy=restart,
            # The server's log is a file of ours; this one has only what cannot be written there.
            log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m", "max-file": "3"}),
            # The rights of a pod; and access to the user's folders under SELinux.
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges", "label=disable"],
            extra_hosts={"host.docker.internal": "host-gateway"},
            **_limits(wanted, about),
        )
        try:
            created.start()
        except BaseException:
            created.remove(force=True, v=True)
            raise
    return str(created.id)


def _limits(wanted: Served, about: Engine) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if wanted.memory is not None:
        limits.update(mem_limit=wanted.memory, memswap_limit=wanted.memory)
    # The engine refuses more than the machine has, which Kubernetes accepts.
    if wanted.cpus is not None and wanted.cpus < about.cpus:
        limits.update(nano_cpus=max(int(wanted.cpus * 1e9), 10_000_000))
    return limits


def running(client: docker.DockerClient, labels: Mapping[str, str], argument: str) -> list[str]:
    """Ids of the running containers, without paused ones, that have all labels and the argument."""
    wanted = [f"{name}={value}" for name, value in labels.items()]
    ids = [item["Id"] for item in client.api.containers(filters={"label": wanted, "status": "running"})]
    return [id_ for id_ in ids if argument in (client.api.inspect_container(id_)["Config"]["Cmd"] or ())]


def is_running(client: docker.DockerClient, container: str) -> bool:
    try:
        return bool(client.api.inspect_container(container)["State"]["Status"] == "running")
    except docker.errors.NotFound:
        return False


def ended_by(client: docker.DockerClient, container: str) -> int:
    """The signal that ended the container, or 0."""
    try:
        code = int(client.api.inspect_container(container)["State"]["ExitCode"])
    except docker.errors.NotFound:
        return 0
    return max(code - 128, 0)


def send(client: docker.DockerClient, container: str, signal: str) -> None:
    """Send a signal (HUP) to the container's first process, if it runs.

    It is sent from inside, because the engine takes a container that it has signalled for one that was stopped by hand,
    and would not restart it.
    """
    with contextlib.suppress(docker.errors.APIError):
        client.api.exec_start(client.api.exec_create(container, ["/bin/sh", "-c", f"kill -s {signal} 1"])["Id"])


def published(client: docker.DockerClient, container: str, port: int) -> int:
    """The port of this machine that leads to the container's port."""
    bound = client.api.inspect_container(container)["NetworkSettings"]["Ports"][f"{port}/tcp"]
    return int(bound[0]["HostPort"])


def halt(client: docker.DockerClient, container: str) -> None:
    with contextlib.suppress(docker.errors.NotFound):
        client.api.stop(container, timeout=_SECONDS_TO_STOP)


def resume(client: docker.DockerClient, container: str) -> None:
    """Start the container again.

    Raises:
        UserError: the errors of `start()`.
    """
    with _translated():
        client.api.start(container)


def remove(client: docker.DockerClient, labels: Mapping[str, str], keep: Collection[str]) -> None:
    """End and remove every container with all of these labels except those with the ids `keep`."""
    wanted = [f"{name}={value}" for name, value in labels.items()]
    for container in client.api.containers(all=True, filters={"label": wanted}):
        if container["Id"] not in keep:
            halt(client, container["Id"])
            with contextlib.suppress(docker.errors.NotFound):
                client.api.remove_container(container["Id"], v=True, force=True)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except docker.errors.APIError as error:
        message = str(error.explanation or error).strip()
        if "already allocated" in message or "address already in use" in message:
            raise UserError(reasons.PORT_TAKEN, f"Docker cannot publish the port: {message}") from None
        if "bind source path does not exist" in message:
            raise UserError(
                reasons.ENGINE_REMOTE, f"Docker's engine does not see this machine's files: {message}"
            ) from None
        raise UserError(reasons.CONTAINER_REFUSED, f"Docker refuses the container: {message}") from None
