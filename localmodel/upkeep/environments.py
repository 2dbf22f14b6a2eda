"""Finds and removes virtual environments that are not needed any more."""

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localmodel.environments.venvs import held
from localmodel.store import environment_uses

_GOING = ".removed-"  # prefix of a folder that is being removed, and is no longer an environment


@dataclass(frozen=True)
class Kept:
    """An environment: its key, a virtual environment or an image, and when it was last used (seconds since 1970).

    `why` says why it is kept; "" if it may go.
    """

    key: str
    kind: str
    used: float
    why: str

    @property
    def goes(self) -> bool:
        return not self.why


def look(home: Path, older_than: float) -> list[Kept]:
    """Every virtual environment. One may go if nothing needs it, and it was not used for `older_than` seconds.

    Raises:
        UserError: StateDamaged.
    """
    needed = environment_uses.keys(home)
    environments = []
    for place in _places(home):
        with contextlib.suppress(FileNotFoundError):  # it was removed since it was listed
            environments.append(_look(place, needed, older_than))
    return environments


def remove(home: Path, key: str, older_than: float) -> bool:
    """Remove it, unless something has come to need it; return whether it was removed.

    Raises:
        UserError: StateDamaged.
    """
    place = home / "environments" / key
    with contextlib.suppress(BlockingIOError, FileNotFoundError), held.alone(place):
        # Checked again now that no command can start to use it; a command that has just ended has left its record.
        if why(place, environment_uses.keys(home), older_than):
            return False
        gone = place.rename(place.with_name(f"{_GOING}{key}-{secrets.token_hex(4)}"))
        shutil.rmtree(gone, ignore_errors=True)
        (home / "build-logs" / f"{key}.log").unlink(missing_ok=True)
        return True
    return False


def leftovers(home: Path) -> list[Path]:
    """Half made or half removed environments of killed commands."""
    folder = home / "environments"
    return [*folder.glob(f"{_GOING}*"), *(path for path in folder.glob(".incoming-*") if not _is_held(path))]


def clear(home: Path) -> None:
    for path in leftovers(home):
        shutil.rmtree(path, ignore_errors=True)


def _places(home: Path) -> Iterator[Path]:
    yield from sorted(path for path in (home / "environments").glob("[!.]*") if path.is_dir())


def _look(place: Path, needed: Mapping[str, str], older_than: float) -> Kept:
    reason = why(place, needed, older_than) or ("a command that runs now" if _is_held(place) else "")
    return Kept(place.name, "venv", place.stat().st_mtime, reason)


def why(place: Path, needed: Mapping[str, str], older_than: float) -> str:
    """Why the environment is kept, or "" if it may go."""
    return needed.get(place.name) or too_young(place.stat().st_mtime, older_than)


def too_young(used: float, older_than: float) -> str:
    age = time.time() - used
    return f"used {ago(age)} ago" if age < older_than else ""


def ago(seconds: float) -> str:
    """A time span for people: 5 min, 3 h, 12 d."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _is_held(place: Path) -> bool:
    try:
        with held.alone(place):
            return False
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
