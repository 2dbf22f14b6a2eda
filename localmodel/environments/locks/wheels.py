"""Wheels fetched on this machine for an image, whose build then needs neither a network nor a password."""

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

    `architecture` is Docker's word (amd64). Secrets are in pip's environment and in netrc only.

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
    said = []
    with subprocess.Popen(
        [*command, "-r", str(listed)], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout or ():
            said.append(sources.scrub(line.rstrip()))
            say(said[-1])
    if process.returncode:
        raise _failure("\n".join(said), python, architecture, wanted)


def for_platform(requirements: str, python: str, architecture: str) -> str:
    """The packages that a lock with markers has for the platform, without the markers."""
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
    """pip's names for it, or for this machine: pip does not know that what runs on an old glibc runs on a newer one."""
    if architecture is None:
        return list(tags.platform_tags())
    machine = _MACHINES.get(architecture, architecture)
    versions = range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)
    old = [f"manylinux{name}_{machine}" for name in ("2014", "2010", "1")]
    return [*(f"manylinux_2_{minor}_{machine}" for minor in versions), *old, f"linux_{machine}"]


def _failure(said: str, python: str, architecture: str, wanted: Sources) -> UserError:
    place = f"{wanted} ({sources.path()})"
    errors = [line for line in said.splitlines() if line.startswith("ERROR:")]
    words = " ".join(" ".join(errors or said.splitlines()[-3:]).split())
    if "401" in said or "403" in said:
        return UserError(
            reasons.PACKAGE_INDEX_REFUSED,
            f"the package index refuses access: put `machine HOST login NAME password PASSWORD` into ~/.netrc; "
            f"looked for in: {place}. pip says: {words}",
        )
    if re.search(r"Retrying|ConnectionError|connection broken|SSLError|ProxyError", said):
        return UserError(
            reasons.PACKAGE_INDEX_UNREACHABLE,
            f"the package index cannot be reached; looked for in: {place}. pip says: {words}",
        )
    if found := re.search(r"No matching distribution found for (\S+)", said):
        return UserError(
            reasons.WHEEL_MISSING,
            f"spec.environment.requirements: no wheel of {found[1]} for Python {python} on linux/{architecture} is in "
            f"{place}. With sources of your own, images are installed from wheels only: make one on such a "
            "machine (pip wheel) and put it there",
        )
    return UserError(reasons.REQUIREMENTS_NOT_INSTALLABLE, f"spec.environment.requirements: {words}")
