"""Whether there is memory for more processes, checked before they start: an OOM kill can take the whole container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from localmodel_server.configuration.threads import cgroups
from localmodel_server.workers.worker_process import LoadError

_MB = 1024 * 1024
# What a cgroup without a limit says in version 1, rounded down to whole pages of any size.
_NO_LIMIT = 1 << 62


class NoRoomError(LoadError):
    """There is no memory for the workers of another revision beside those that serve."""

    def __init__(self, message: str) -> None:
        super().__init__(message, reason="NoRoom")


def room_for(needed: int, root: Path = Path("/")) -> str | None:
    """Why so many more bytes do not fit, in words for the user; None when they do.

    root stands in for the file system's root in tests.
    """
    for free, whose in _free(root):
        if needed > free:
            return f"{_megabytes(needed)} of memory are needed, and {_megabytes(max(0, free))} are free {whose}"
    return None


def private_bytes(pids: Iterable[int]) -> int:
    """Memory that ending these processes would free; those that have ended count as nothing."""
    return sum(_mapped(pid, "Private_") for pid in pids)  # clean, dirty and huge pages


def anonymous_bytes(pid: int) -> int:
    """Memory of a process that no file backs, whether it shares it with its children or not."""
    return _mapped(pid, "Anonymous:")


def proportional_bytes(pid: int) -> int:
    """Memory of a process, of which pages that it shares with others count in part."""
    return _mapped(pid, "Pss:")


def _mapped(pid: int, kinds: str) -> int:
    lines = _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(kinds))  # in kB


def _free(root: Path) -> Iterator[tuple[int, str]]:
    for folder in cgroups(root, ""):
        limit, used = _number(folder / "memory.max"), _number(folder / "memory.current")
        if limit is not None and used is not None:
            yield limit - used + _stat(folder, "inactive_file"), "under the container's limit"
    for folder in cgroups(root, "memory"):
        limit, used = _number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes")
        if limit is not None and used is not None and limit < _NO_LIMIT:
            yield limit - used + _stat(folder, "total_inactive_file"), "under the container's limit"
    available = _value(root / "proc/meminfo", "MemAvailable:")
    if available is not None:
        yield available * 1024, "on this machine"


def _stat(folder: Path, name: str) -> int:
    # Pages of files that nobody has used for a while are given up before anything is refused.
    return _value(folder / "memory.stat", name) or 0


def _value(path: Path, name: str) -> int | None:
    for line in _read(path).splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == name:
            return int(words[1])
    return None


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None  # "max" is no limit


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return ""


def _megabytes(size: int) -> str:
    return f"{size / _MB:.0f} MB"
