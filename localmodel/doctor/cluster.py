"""Checks the tools for clusters, and kubectl's current cluster."""

import shutil
import subprocess

from localmodel.cluster_records.names import RESOURCE
from localmodel.doctor.finding import Finding, first_line

_NEEDED = "needed for --target kind only"


def _kubectl() -> list[Finding]:
    return [_tool("kubectl", ["kubectl", "version", "--client"])]


def _kind() -> list[Finding]:
    return [_tool("kind", ["kind", "version"])]


def _tool(name: str, command: list[str]) -> Finding:
    if shutil.which(name) is None:
        return Finding("warn", name, "not installed", f"{_NEEDED}: install {name}")
    try:
        return Finding("ok", name, first_line(command))
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("warn", name, f"does not run: {error}", f"install {name} again")


def _cluster() -> list[Finding]:
    what = "cluster"
    if shutil.which("kubectl") is None:
        return [Finding("warn", what, "not checked: kubectl is missing", f"{_NEEDED}: install kubectl")]
    try:
        context = _context()
        first_line(["kubectl", "get", "crd", RESOURCE, "--request-timeout=3s", "-o", "name"])
    except subprocess.CalledProcessError as error:
        message = (error.stderr.strip().splitlines() or ["no answer"])[-1]
        if "NotFound" in message:
            return [Finding("warn", what, f"reachable, without {RESOURCE}", "lmd operator up installs it")]
        return [Finding("warn", what, message, f"{_NEEDED}: lmd kind up")]
    except (OSError, subprocess.SubprocessError) as error:
        return [Finding("warn", what, str(error), _NEEDED)]
    return [Finding("ok", what, f"{context} is reachable, with {RESOURCE}")]


def _context() -> str:
    try:
        return first_line(["kubectl", "config", "current-context"])
    except (OSError, subprocess.SubprocessError):
        return "the cluster"


LOOKS = (_kubectl, _kind, _cluster)
