"""Checks the machine itself: system, Pythons, the ports for deployments."""

import platform
import subprocess
import sys

from uv import find_uv_bin

from localmodel import reasons, run_coroutine
from localmodel.doctor.finding import Finding, first_line
from localmodel.environments.venvs import pythons
from localmodel.errors import UserError
from localmodel.targets import ports

PORTS = range(6789, 6799)


def _platform() -> list[Finding]:
    system = platform.system()
    if system == "Linux":
        inside = "WSL2" if "microsoft" in platform.release().lower() else "Linux"
        return [Finding("ok", "platform", f"{inside} on {platform.machine()}")]
    if system == "Darwin":
        return [Finding("ok", "platform", f"macOS on {platform.machine()}")]
    return [Finding("fail", "platform", system, "use Linux, macOS, or Linux inside WSL2 (wsl --install)")]


def _python() -> list[Finding]:
    return [Finding("ok", "lmd's Python", f"{platform.python_version()} at {sys.executable}")]


def _uv() -> list[Finding]:
    try:
        version = first_line([find_uv_bin(), "--version"])
    except (OSError, subprocess.SubprocessError) as error:
        return [Finding("fail", "uv", str(error), "install localmodel again: pip install --force-reinstall uv")]
    # One after the other, because Python's sysconfig, which finds uv, is not thread-safe.
    return [Finding("ok", "uv", version), *_pythons()]


def _pythons() -> list[Finding]:
    what = "Pythons for environments"
    try:
        installed = run_coroutine.run(pythons.installed())
    except OSError:
        return []  # the folder cannot be read, which another finding reports
    except UserError as error:
        if error.reason == reasons.PACKAGE_SOURCES_INVALID:
            return []  # that, too
        return [Finding("warn", what, str(error), "install one: uv python install 3.11")]
    versions = sorted(installed, key=lambda version: [int(part) for part in version.split(".")])
    fix = "another version: uv python install VERSION" if len(installed) == 1 else ""
    return [Finding("ok", what, ", ".join(versions), fix)]


def _ports() -> list[Finding]:
    held: dict[str, list[int]] = {}
    for port in PORTS:
        if not ports.is_free(port):
            held.setdefault(ports.holder(port), []).append(port)
    what = f"ports {PORTS[0]} to {PORTS[-1]}"
    if not held:
        return [Finding("ok", what, "free")]
    text = "; ".join(f"{', '.join(map(str, taken))} held by {holder}" for holder, taken in held.items())
    return [Finding("ok", what, text, "a deployment takes the next free port; another: spec.service.localPort")]


LOOKS = (_platform, _python, _uv, _ports)
