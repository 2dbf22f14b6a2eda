"""Builds a virtual environment from a lock, once for each lock on this machine."""

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from localmodel import digests, reasons
from localmodel.environments.locks.lock import Lock, Note
from localmodel.environments.locks.lock import kept as kept_lock
from localmodel.environments.locks.uv import run_uv
from localmodel.environments.venvs import build_log, held, installer, nearest, pythons, reuse
from localmodel.errors import UserError
from localmodel_untrusted.files import UnreadableError, decoded, read_file

_LOCK = "lock.txt"  # in the environment: what it was made of


async def build(
    lock: Lock,
    python: str,
    folder: Path,
    log: Path | None = None,
    listen: Callable[[str], None] | None = None,
    note: Note | None = None,
) -> Path:
    """The interpreter of a virtual environment with exactly the lock's packages, built if it does not exist.

    `python` is major.minor. Equal locks share one environment below `folder`. It is built beside and renamed, so that
    an interrupted one never counts. Packages of other environments are neither installed nor compiled again. The
    installer's lines go to the file `log` and to `listen`. The environment is held while this process lives. A package
    without a wheel is built from source, which runs its code, only with a `note` that announces it.

    Raises:
        UserError: PythonMissing, RequirementsNotInstallable, WheelMissing, PackageIndexUnreachable,
            PackageIndexRefused, PackageSourcesInvalid.
    """
    place = folder / key(lock, python)
    interpreter = place / "bin" / "python"
    # An upgrade may have removed the Python that it was made from; then its link is broken.
    if interpreter.exists() and held.hold(place):
        return interpreter
    with _incoming(folder) as incoming, build_log.kept(log, listen) as say:
        held.hold(Path(incoming))
        built = Path(incoming) / "environment"
        await _create(built, python, say, note or say)
        linked = _reuse(folder, built, lock, say)
        if missing := nearest.text(lock, frozenset(nearest.packages(lock)) - linked):
            await installer.install(built, missing, python, say, note)
        (built / _LOCK).write_text(lock.text)
        held.hold(built)
        _put_in_place(built, place)
    return interpreter


def key(lock: Lock, python: str) -> str:
    """The name of the virtual environment's folder and of its build log."""
    return digests.of_json([lock.digest, python]).removeprefix("sha256:")[:32]


def _incoming(folder: Path) -> tempfile.TemporaryDirectory[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-", ignore_cleanup_errors=True)


async def _create(place: Path, python: str, say: Callable[[str], None], note: Note) -> None:
    interpreter = await pythons.interpreter(python, note)
    say(f"Python {python} at {interpreter}")
    arguments = ["venv", "--quiet", "--relocatable", "--no-project", "--python", interpreter, str(place)]
    code, _, err = await run_uv(arguments)
    if code != 0:
        raise UserError(reasons.PYTHON_MISSING, f"{interpreter} cannot make a virtual environment: {err.strip()}")


def _reuse(folder: Path, built: Path, lock: Lock, say: Callable[[str], None]) -> set[str]:
    """Link wanted packages from the environment of the same Python that has most of them; return their names."""
    wanted = nearest.packages(lock)
    # A hidden folder is being made or removed; any environment may be removed meanwhile.
    packages_of: dict[Path, nearest.Packages] = {}
    for path in folder.glob(f"[!.]*/{_LOCK}"):
        with contextlib.suppress(UserError, UnreadableError):
            if _python_of(path.parent) == _python_of(built):
                packages_of[path.parent] = nearest.packages(kept_lock(path))
    donor = nearest.most_in_common(packages_of, wanted)
    if donor is None or not held.hold(donor):
        return set()
    kept = nearest.change(packages_of[donor], wanted).kept
    linked = reuse.packages(donor, built, {name: wanted[name].partition(" ")[0] for name in kept})
    say(f"{len(linked)} packages from {donor}")
    return linked


def _python_of(place: Path) -> list[str]:
    """The lines that say which interpreter an environment was made from."""
    lines = decoded(read_file(place / "pyvenv.cfg") or b"").splitlines()
    return sorted(line for line in lines if line.startswith(("home", "implementation", "version_info")))


def _put_in_place(built: Path, place: Path) -> None:
    interpreter = place / "bin" / "python"
    if place.exists() and not interpreter.exists():
        place.rename(built.with_name("without-python"))
    try:
        built.rename(place)
    except OSError:
        # Another process may have just finished the same environment.
        if not (interpreter.exists() and held.hold(place)):
            raise
