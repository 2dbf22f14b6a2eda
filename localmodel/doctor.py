"""What this machine has of what is needed, and how to get the rest. Looks only; changes nothing."""

import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from uv import find_uv_bin

from localmodel import home, running
from localmodel.environments import venv
from localmodel.errors import UserError
from localmodel.targets import ports

PORTS = range(6789, 6799)
CRD = "localmodeldeployments.localmodel.dev"
_LITTLE_SPACE = 5 << 30
_CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `fix` is empty when there is nothing to do."""

    level: Literal["ok", "warn", "fail"]
    what: str
    found: str
    fix: str = ""


def examine() -> list[Finding]:
    """Every finding, in the order in which things are needed."""
    looks: list[Callable[[], Finding]] = [_platform, _python, _uv, _pythons, _home, _ports, _certificates]
    looks += [_engine, _kubectl, _kind, _cluster]
    return [look() for look in looks]


def _platform() -> Finding:
    system = platform.system()
    if system == "Linux":
        inside = "WSL2" if "microsoft" in platform.release().lower() else "Linux"
        return Finding("ok", "platform", f"{inside} on {platform.machine()}")
    if system == "Darwin":
        return Finding("ok", "platform", f"macOS on {platform.machine()}")
    return Finding("fail", "platform", system, "use Linux, macOS, or Linux inside WSL2 (wsl --install)")


def _python() -> Finding:
    return Finding("ok", "lmd's Python", f"{platform.python_version()} at {sys.executable}")


def _uv() -> Finding:
    try:
        return Finding("ok", "uv", _first_line([find_uv_bin(), "--version"]))
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("fail", "uv", str(error), "install localmodel again: pip install --force-reinstall uv")


def _pythons() -> Finding:
    try:
        found = running.run(venv.installed_pythons())
    except UserError as error:
        return Finding("warn", "Pythons for environments", str(error))
    versions = sorted(found, key=lambda version: [int(part) for part in version.split(".")])
    fix = "another version: uv python install VERSION" if len(found) == 1 else ""
    return Finding("ok", "Pythons for environments", ", ".join(versions), fix)


def _home() -> Finding:
    folder = home.home()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        return Finding("fail", "folder", f"{folder}: {error.strerror}", "name a writable folder with LOCALMODEL_HOME")
    found = f"{folder}, {free / (1 << 30):.0f} GiB free"
    if free < _LITTLE_SPACE:
        return Finding("warn", "folder", found, "free some space, or name another folder with LOCALMODEL_HOME")
    return Finding("ok", "folder", found)


def _ports() -> Finding:
    held: dict[str, list[int]] = {}
    for port in PORTS:
        if not ports.is_free(port):
            held.setdefault(ports.holder(port), []).append(port)
    what = f"ports {PORTS[0]} to {PORTS[-1]}"
    if not held:
        return Finding("ok", what, "free")
    found = "; ".join(f"{', '.join(map(str, taken))} held by {holder}" for holder, taken in held.items())
    return Finding("ok", what, found, "a process takes the next free port; another: spec.service.localPort")


def _certificates() -> Finding:
    named = [(name, os.environ[name]) for name in _CERTIFICATE_VARIABLES if os.environ.get(name)]
    missing = [f"{name}={path}" for name, path in named if not Path(path).is_file()]
    if missing:
        return Finding("fail", "certificates", f"no such file: {', '.join(missing)}", "correct or unset the variable")
    found = ", ".join(f"{name}={path}" for name, path in named)
    return Finding("ok", "certificates", found or "the system's own (no variable names others)")


def _engine() -> Finding:
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    path = host.removeprefix("unix://")
    if path == host:
        return Finding("ok", "container engine", f"{host} (not looked at: only local sockets are)")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(3)
        try:
            client.connect(path)
        except OSError as error:
            fix = "needed for --target kind only: install or start Docker, and be allowed to use its socket"
            return Finding("warn", "container engine", f"{path}: {error.strerror or error}", fix)
    return Finding("ok", "container engine", path)


def _kubectl() -> Finding:
    return _tool("kubectl", ["kubectl", "version", "--client"])


def _kind() -> Finding:
    return _tool("kind", ["kind", "version"])


def _tool(name: str, command: list[str]) -> Finding:
    if shutil.which(name) is None:
        return Finding("warn", name, "not installed", f"needed for --target kind only: install {name}")
    try:
        return Finding("ok", name, _first_line(command))
    except subprocess.SubprocessError as error:
        return Finding("warn", name, f"does not run: {error}", f"install {name} again")


def _cluster() -> Finding:
    if shutil.which("kubectl") is None:
        return Finding(
            "warn", "cluster", "not looked at without kubectl", "needed for --target kind only: install kubectl"
        )
    try:
        _first_line(["kubectl", "get", "crd", CRD, "--request-timeout=3s", "-o", "name"])
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["no answer"])[-1]
        if "NotFound" in said:
            return Finding("warn", "cluster", f"reachable, without {CRD}", "kubectl apply -f crds/ in the checkout")
        return Finding("warn", "cluster", said, "needed for --target kind only: make kind-up in the checkout")
    except subprocess.SubprocessError as error:
        return Finding("warn", "cluster", str(error), "needed for --target kind only")
    return Finding("ok", "cluster", f"reachable, with {CRD}")


def _first_line(command: list[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    return (result.stdout.splitlines() or [""])[0]
