"""Checks the container engine through its socket, because the SDK may be missing, and waits too long."""

import errno
import hashlib
import importlib.util
import json
import os
import shutil
from pathlib import Path
from typing import Any

import httpx

from localmodel.doctor.finding import Finding, size
from localmodel.doctor.kept import LITTLE_SPACE

_WHAT = "container engine"
_SOCKET = "unix:///var/run/docker.sock"
_SECONDS = 3
# The nodes' ports for deployments, as in kind-config.yaml.
_NODE_PORTS = range(30001, 30011)
_KIND_LABEL = "io.x-k8s.kind.cluster"
_NEEDED = "needed for the targets docker and kind only"


def _engine() -> list[Finding]:
    address = _address()
    path = address.removeprefix("unix://")
    if path == address:
        return [Finding("ok", _WHAT, f"{address} (not checked: it is not a local socket)")]
    try:
        # Without TLS: another check is about certificates.
        transport = httpx.HTTPTransport(uds=path, verify=False, trust_env=False)
        with httpx.Client(transport=transport, base_url="http://engine", timeout=_SECONDS) as engine:
            version, info, containers = (engine.get(what).json() for what in ("/version", "/info", "/containers/json"))
        return [_kind_of(path, version), *_sdk(), *_disk(info), *_clusters(containers)]
    except (httpx.NetworkError, httpx.TimeoutException) as error:
        return [_silent(path, error)]
    except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as error:
        fix = f"{_NEEDED}: is it Docker that listens there? Name another one with DOCKER_HOST"
        return [Finding("warn", _WHAT, f"{path} does not answer as Docker does ({error})", fix)]


def _silent(path: str, error: Exception) -> Finding:
    cause: BaseException = error
    while not isinstance(cause, OSError) and cause.__context__:
        cause = cause.__context__
    number, message = (cause.errno, cause.strerror) if isinstance(cause, OSError) else (None, None)
    finding = f"{path}: {message or error}"
    if number in (errno.EACCES, errno.EPERM):
        fix = "let your user use the socket: sudo usermod -aG docker $USER, and log in again"
    elif number == errno.ENOENT:
        fix = f"{_NEEDED}: install and start Docker, or name its socket with DOCKER_HOST"
    else:
        fix = f"{_NEEDED}: start Docker (sudo systemctl start docker, or Docker Desktop)"
    return Finding("warn", _WHAT, finding, fix)


def _address() -> str:
    """The engine's address as the command docker finds it: DOCKER_HOST, the current context, the usual socket."""
    if host := os.environ.get("DOCKER_HOST"):
        return host
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        name = os.environ.get("DOCKER_CONTEXT") or json.loads((folder / "config.json").read_text())["currentContext"]
        key = hashlib.sha256(name.encode()).hexdigest()
        context = json.loads((folder / "contexts" / "meta" / key / "meta.json").read_text())
        return str(context["Endpoints"]["docker"]["Host"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _SOCKET


def _kind_of(path: str, version: dict[str, Any]) -> Finding:
    names = [str(part.get("Name", "")) for part in version.get("Components") or []]
    version_and_path = f"{version.get('Version', 'of unknown version')} at {path}"
    if any("podman" in name.lower() for name in names):
        fix = "Docker is what the docker and kind targets are tested with; name its socket with DOCKER_HOST"
        return Finding("warn", _WHAT, f"Podman {version_and_path}", fix)
    return Finding("ok", _WHAT, f"Docker {version_and_path}")


def _sdk() -> list[Finding]:
    if importlib.util.find_spec("docker"):
        return []
    return [Finding("warn", "Docker SDK", "not installed", f"{_NEEDED}: pip install 'localmodel[docker]'")]


def _disk(info: dict[str, Any]) -> list[Finding]:
    driver, root = str(info.get("Driver", "unknown")), str(info.get("DockerRootDir", ""))
    what = "engine's storage"
    if driver == "vfs":
        fix = "it copies every layer whole: use a file system that overlay2 works on (not overlay on overlay)"
        return [Finding("warn", what, f"driver {driver}", fix)]
    try:
        free = shutil.disk_usage(root).free
    except OSError:  # it is in a virtual machine, as with Docker Desktop, or not readable
        return [Finding("ok", what, f"driver {driver}, on a disk that cannot be seen from here")]
    text = f"driver {driver}, {size(free)} free at {root}"
    if free < LITTLE_SPACE:
        return [Finding("warn", what, text, "free some: docker system prune, docker builder prune")]
    return [Finding("ok", what, text)]


def _clusters(containers: list[dict[str, Any]]) -> list[Finding]:
    """The kind clusters, and the ports of this machine at which their deployments can be reached."""
    mapped: dict[str, set[int]] = {}
    for container in containers:
        if cluster := container.get("Labels", {}).get(_KIND_LABEL):
            ports = container.get("Ports") or []
            public = {
                port["PublicPort"] for port in ports if port.get("PrivatePort") in _NODE_PORTS and "PublicPort" in port
            }
            mapped.setdefault(cluster, set()).update(public)
    return [_cluster(name, sorted(ports)) for name, ports in sorted(mapped.items())]


def _cluster(name: str, mapped: list[int]) -> Finding:
    if mapped:
        return Finding("ok", f"kind cluster {name}", f"deployments can have the ports {', '.join(map(str, mapped))}")
    fix = f"deployments in it have no address on this machine: make it anew (lmd kind down {name}, lmd kind up {name})"
    return Finding("warn", f"kind cluster {name}", "maps no port to deployments", fix)


LOOKS = (_engine,)
