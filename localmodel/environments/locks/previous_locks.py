"""Finds the deployment's previous locks, so that an edit changes as few packages as possible.

The caller names them by digest; locks of other deployments are never used.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from localmodel import digests
from localmodel.disk import files, state_file
from localmodel.errors import UserError

_MOST_DIGESTS = 100  # enough for a wheel that is built again and again


@dataclass(frozen=True)
class Made:
    """A lock: its file, the digest by which it is known, and the requirements that it was resolved from."""

    digest: str
    requirements: tuple[str, ...]
    path: Path


@dataclass(frozen=True)
class _Note:
    """The note beside a lock. `digests` are those of all its contents so far; notes of earlier versions have none."""

    python: str
    target: str
    requirements: tuple[str, ...]
    digests: tuple[str, ...] = ()


def remember(path: Path, python: str, target: str, requirements: tuple[str, ...], digest: str) -> None:
    """Write the note beside the lock at `path`, with what it was resolved from, and its digest."""
    before = _note(path.with_suffix(".json"))
    digests_so_far = before.digests if before else ()
    if digest not in digests_so_far:
        digests_so_far = (*digests_so_far[:1], *digests_so_far[1:][-_MOST_DIGESTS:], digest)
    note = _Note(python, target, requirements, digests_so_far)
    files.write(path.with_suffix(".json"), digests.canonical_json(asdict(note)))


def first_digest(path: Path, digest_of: Callable[[Path], str]) -> str:
    """The digest of the lock file's first content, by which it stays known.

    Raises:
        UserError: the errors of `digest_of`.
    """
    note = _note(path.with_suffix(".json"))
    return note.digests[0] if note and note.digests else digest_of(path)


def own(folder: Path, python: str, target: str, named: Sequence[str], digest_of: Callable[[Path], str]) -> list[Made]:
    """The locks for this Python and target that have, or had, the `named` digests, in that order."""
    locks: list[Made] = []
    for file in sorted(folder.glob("*.json")) if named else ():
        note, lock = _note(file), file.with_suffix(".txt")
        if note and (note.python, note.target) == (python, target) and lock.exists():
            with contextlib.suppress(UserError):  # a lock that cannot be read does not count
                locks += [Made(digest, note.requirements, lock) for digest in note.digests or (digest_of(lock),)]
    return [made for digest in dict.fromkeys(named) for made in locks if made.digest == digest]


def _note(path: Path) -> _Note | None:
    with contextlib.suppress(UserError):  # a note is only a hint, and may be unreadable
        return state_file.read(path, _Note, "remove it")
    return None
