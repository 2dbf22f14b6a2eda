"""Finds the Pythons for environments on this machine, or has uv fetch one."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from localmodel import reasons
from localmodel.environments.locks.uv import run_uv
from localmodel.errors import UserError


async def interpreter(python: str, say: Callable[[str], None]) -> str:
    """The path of an interpreter of this version (major.minor), which uv fetches if necessary.

    `say` is called before anything is fetched.

    Raises:
        UserError: PythonMissing.
    """
    # uv asks every interpreter for its version, which takes longer than building a small environment.
    if own := _own().get(python):
        return own[1]
    paths = await installed()
    if python in paths:
        return paths[python]
    say(f"Python {python} is not on this machine: uv fetches it")
    failed = await _fetch(python)
    if python in (fetched := await installed()):
        return fetched[python]
    versions = ", ".join(sorted(paths, key=_as_numbers)) or "none"
    raise UserError(
        reasons.PYTHON_MISSING,
        f"spec.environment.python: no Python {python} on this machine (installed: {versions}), and uv cannot fetch it"
        f"{f': {failed}' if failed else ''}. Install it (uv python install {python}, pyenv install {python}, or your "
        "distribution's package), or ask for another version",
    )


async def installed() -> dict[str, str]:
    """The path of the newest installed CPython of each version (major.minor), on PATH, of uv, and of pyenv."""
    arguments = ["python", "list", "--only-installed", "--output-format", "json"]
    code, out, err = await run_uv(arguments, programs=True, path=_pyenv(os.environ))
    if code != 0:
        raise UserError(reasons.PYTHON_MISSING, f"uv cannot list the installed Pythons: {err.strip()}")
    newest = _own()
    for row in json.loads(out):
        parts = row["version_parts"]
        key = f"{parts['major']}.{parts['minor']}"
        usable = row["path"] and row["implementation"] == "cpython" and row["variant"] == "default"
        if usable and parts["patch"] > newest.get(key, (-1, ""))[0]:
            newest[key] = (parts["patch"], row["path"])
    return {key: path for key, (_, path) in newest.items()}


async def _fetch(python: str) -> str:
    """Have uv install it among its own Pythons; return why it could not, or ""."""
    code, _, err = await run_uv(["python", "install", "--no-bin", python], programs=True)
    if code == 0:
        return ""
    lines = [line.strip().removeprefix("error: ") for line in err.splitlines() if line.strip()]
    # The first line has the failure, the last one the cause.
    return ": ".join(dict.fromkeys((lines[0], lines[-1].removeprefix("cause: ")))).rstrip(".") if lines else ""


def _pyenv(environ: Mapping[str, str]) -> list[Path]:
    """The folders of all Pythons of pyenv, which has only the selected ones on PATH."""
    root = environ.get("PYENV_ROOT") or Path(environ.get("HOME", ""), ".pyenv")
    return sorted(Path(root, "versions").glob("*/bin"))


def _own() -> dict[str, tuple[int, str]]:
    """The Python of lmd's own environment, version -> (patch, path), because uv may not search where it is."""
    path = Path(sys.base_prefix, "bin", "python3")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {version: (sys.version_info.micro, str(path))} if path.exists() else {}


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
