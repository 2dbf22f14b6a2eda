"""Fetches wheels for an image on this machine, so that its build needs neither a network nor a password."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from packaging import tags
from packaging.markers import Marker

from localmodel import reasons
from localmodel.environments.locks import variables
from localmodel.errors import UserError
from localmodel.requirements import hashes, sources
from localmodel.requirements.sources import Sources

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_OLDEST_GLIBC, _NEWEST_GLIBC = 5, 28
_MARKER = re.compile(r"[^;]*;\s*(?P<marker>[^\\]+)")


def fetch(
    requirements: str, python: str, architecture: str, folder: Path, wanted: Sources, say: Callable[[str], None]
) -> None:
    """Put a wheel of every package of a lock into the folder; pip checks the hashes.

    `architecture` is Docker's name, such as amd64. Secrets are only in pip's environment and in netrc.

    Raises:
        UserError: WheelMissing, PackageIndexUnreachable, PackageIndexRefused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = for_platform(requirements, python, architecture)
    if not lock:
        return
    listed = folder.parent / f"{folder.name}.txt"
    listed.write_text(lock)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--progress-bar=off", "--python-version", python, "--implementation", "cp", "--dest", str(folder)]
    command += [f"--platform={tag}" for tag in platforms(architecture)]
    environ = {**variables.for_pip(wanted), "PIP_RETRIES": "2", "PIP_TIMEOUT": "20"}
    lines = []
    with subprocess.Popen(
        [*command, "-r", str(listed)], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            lines.append(sources.scrub(line.rstrip()))
            say(lines[-1])
    if process.returncode:
        raise _failure("\n".join(lines), python, architecture, wanted)


def for_platform(requirements: str, python: str, architecture: str) -> str:
    """The packages that a lock with markers has for the platform, with the markers removed."""
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": _MACHINES.get(architecture, architecture),
        "extra": "",
    }
    kept = []
    for block in hashes.packages(requirements):
        first, _, rest = block.partition("\n")
        marker = _MARKER.match(first)
        if marker is None or Marker(marker["marker"].strip()).evaluate(dict(machine)):
            pinned = re.split(r"\s*[;\\]", first)[0]
            kept.append(f"{pinned} \\\n{rest}" if rest.strip() else f"{pinned}\n")
    return "".join(kept)


def platforms(architecture: str | None) -> list[str]:
    """pip's names for the platform, one per glibc, because pip does not know that older ones run on a newer one."""
    if architecture is None:
        return list(tags.platform_tags())
    machine = _MACHINES.get(architecture, architecture)
    versions = range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)
    old = [f"manylinux{name}_{machine}" for name in ("2014", "2010", "1")]
    return [*(f"manylinux_2_{minor}_{machine}" for minor in versions), *old, f"linux_{machine}"]


def _failure(output: str, python: str, architecture: str, wanted: Sources) -> UserError:
    place = f"{wanted} ({sources.path()})"
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    words = " ".join(" ".join(errors or output.splitlines()[-3:]).split())
    if "401" in output or "403" in output:
        return UserError(
            reasons.PACKAGE_INDEX_REFUSED,
            f"the package index refuses access: put `machine HOST login NAME password PASSWORD` into ~/.netrc; "
            f"looked for in: {place}. pip says: {words}",
        )
    if re.search(r"Retrying|ConnectionError|connection broken|SSLError|ProxyError", output):
        return UserError(
            reasons.PACKAGE_INDEX_UNREACHABLE,
            f"the package index cannot be reached; looked for in: {place}. pip says: {words}",
        )
    if match := re.search(r"No matching distribution found for (\S+)", output):
        return UserError(
            reasons.WHEEL_MISSING,
            f"spec.environment.requirements: no wheel of {match[1]} for Python {python} on linux/{architecture} is in "
            f"{place}. With sources of your own, images are installed from wheels only: make one on such a "
            "machine (pip wheel) and put it there",
        )
    return UserError(reasons.REQUIREMENTS_NOT_INSTALLABLE, f"spec.environment.requirements: {words}")
