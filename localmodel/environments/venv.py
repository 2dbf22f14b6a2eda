"""From a lock to an interpreter that has the lock's packages, once for each lock on this machine."""

import json
import sys
import tempfile
from pathlib import Path

from localmodel import digests
from localmodel.environments.lock import Lock
from localmodel.environments.uv import run_uv
from localmodel.errors import UserError


async def build(lock: Lock, python: str, folder: Path) -> Path:
    """The interpreter of a virtual environment with exactly the lock's packages, built unless it is there.

    `python` is major.minor. Equal locks share one environment below `folder`. One that was interrupted never
    counts: it is built beside and renamed.

    Raises:
        UserError: PythonMissing, RequirementsNotInstallable.
    """
    place = folder / digests.of_json([lock.digest, python]).removeprefix("sha256:")[:32]
    interpreter = place / "bin" / "python"
    # An upgrade may have taken away the Python that it was made from; then its link leads nowhere.
    if interpreter.exists():
        return interpreter
    with _incoming(folder) as incoming:
        built = Path(incoming) / "environment"
        await _create(built, python)
        await _install(built, lock)
        _put_in_place(built, place)
    return interpreter


def _incoming(folder: Path) -> tempfile.TemporaryDirectory[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-", ignore_cleanup_errors=True)


async def _create(place: Path, python: str) -> None:
    interpreter = await _interpreter(python)
    code, _, err = await run_uv(["venv", "--relocatable", "--no-project", "--python", interpreter, str(place)])
    if code != 0:
        raise UserError("PythonMissing", f"{interpreter} cannot make a virtual environment: {err.strip()}")


async def _install(place: Path, lock: Lock) -> None:
    if not lock.text:
        return
    requirements = place.parent / "lock.txt"
    requirements.write_text(lock.text)
    arguments = ["pip", "sync", "--require-hashes", "--no-progress", "--python", str(place / "bin" / "python")]
    code, _, err = await run_uv([*arguments, str(requirements)])
    if code != 0:
        raise UserError("RequirementsNotInstallable", f"spec.environment.requirements: {' '.join(err.split())}")


def _put_in_place(built: Path, place: Path) -> None:
    interpreter = place / "bin" / "python"
    if place.exists() and not interpreter.exists():
        place.rename(built.with_name("without-python"))
    try:
        built.rename(place)
    except OSError:
        if not interpreter.exists():  # else another process has just finished the same one
            raise


async def _interpreter(python: str) -> str:
    installed = await installed_pythons()
    if python not in installed:
        there = ", ".join(sorted(installed, key=_as_numbers)) or "none"
        raise UserError(
            "PythonMissing",
            f"spec.environment.python: no Python {python} on this machine (there is: {there}). Install it "
            f"(uv python install {python}, or your distribution's package) or change spec.environment.python",
        )
    return installed[python]


async def installed_pythons() -> dict[str, str]:
    """Path of the newest installed CPython of each version (major.minor) that uv finds."""
    code, out, err = await run_uv(["python", "list", "--only-installed", "--output-format", "json"])
    if code != 0:
        raise UserError("PythonMissing", f"uv cannot list the installed Pythons: {err.strip()}")
    found = _own_python()
    for row in json.loads(out):
        parts = row["version_parts"]
        key = f"{parts['major']}.{parts['minor']}"
        usable = row["path"] and row["implementation"] == "cpython" and row["variant"] == "default"
        if usable and parts["patch"] > found.get(key, (-1, ""))[0]:
            found[key] = (parts["patch"], row["path"])
    return {key: path for key, (_, path) in found.items()}


def _own_python() -> dict[str, tuple[int, str]]:
    """The Python below lmd's own environment, as version -> (patch, path): it need not be where uv searches."""
    path = Path(sys.base_prefix, "bin", "python3")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {version: (sys.version_info.micro, str(path))} if path.exists() else {}


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
