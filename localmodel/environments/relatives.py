"""Which lock that was resolved before is of almost the same requirements: an edit is to change no more than it must."""

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

from localmodel import digests, files, state_file
from localmodel.errors import UserError
from localmodel_untrusted.files import Unreadable, decoded, read_file

_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Relative:
    """Requirements, and the text of the lock that they were resolved to."""

    requirements: tuple[str, ...]
    lock: str


@dataclass(frozen=True)
class _Note:
    python: str
    target: str
    requirements: tuple[str, ...]


def remember(path: Path, python: str, target: str, requirements: tuple[str, ...]) -> None:
    """Note beside the lock at `path` what it was resolved from."""
    files.write(path.with_suffix(".json"), digests.canonical_json(asdict(_Note(python, target, requirements))))


def nearest(folder: Path, python: str, target: str, requirements: tuple[str, ...]) -> Relative | None:
    """The lock for this Python and target that has most of the requirements; of equal ones, the newest.

    It has all of its own requirements, or else most of both, in common with these: what else is in the store is
    none of this environment's business.
    """
    found: list[tuple[int, float, tuple[str, ...], Path]] = []
    for path in folder.glob("*.json"):
        with contextlib.suppress(UserError, FileNotFoundError):  # a hint that cannot be read is none
            note, lock = state_file.read(path, _Note, "remove it"), path.with_suffix(".txt")
            theirs = note.requirements if note else ()
            shared = len(set(theirs) & set(requirements))
            most = set(theirs) <= set(requirements) or 2 * shared > max(len(theirs), len(requirements))
            if note and (note.python, note.target) == (python, target) and shared and most:
                found.append((shared, lock.stat().st_mtime, theirs, lock))
    if not found:
        return None
    _, _, theirs, lock = max(found)
    try:
        content = read_file(lock, _MOST_BYTES)
        return None if content is None else Relative(theirs, decoded(content))
    except Unreadable:
        return None
