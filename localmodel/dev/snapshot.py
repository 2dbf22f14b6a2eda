"""Metadata of files, to see whether one has been saved."""

from collections.abc import Iterable, Mapping
from pathlib import Path

# Time of the last change (ns), size (bytes), and inode; None if there is no file.
Look = tuple[int, int, int] | None
Snapshot = Mapping[Path, Look]
_LONGEST_AGE = 5.0


def take(paths: Iterable[Path]) -> Snapshot:
    return {path: _look(path) for path in paths}


def changed(before: Snapshot, after: Snapshot) -> list[Path]:
    """The files that differ, sorted by path; a path that is new to the snapshot counts if it exists."""
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


def is_between(before: Snapshot, after: Snapshot) -> bool:
    """Whether a file has disappeared or become empty, usually because it is about to be written."""

    def has_content(look: Look) -> bool:
        return look is not None and look[1] > 0

    return any(has_content(look) and not has_content(after.get(path)) for path, look in before.items())


def seconds_since(paths: Iterable[Path], snapshot: Snapshot, now: float) -> float | None:
    """The seconds since the last save of any of them, or None if that is unknown; `now` is `time.time()`."""
    ages = [now - look[0] / 1e9 for path in paths if (look := snapshot.get(path))]
    # A file that was moved here, or unpacked, keeps its old time.
    return min((max(age, 0.0) for age in ages if age < _LONGEST_AGE), default=None)


def _look(path: Path) -> Look:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
