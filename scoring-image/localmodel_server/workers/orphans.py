"""Ends what a worker's script has started and left behind, whatever it has done to get away (setsid, daemons).

Linux only: elsewhere it is the worker's process group that ends with it. Whoever has lost its parent becomes this
process's child (see warm_parent.py), and so it is this one that has to take note of its end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from localmodel_worker.process_control import marked_by

_SECONDS_BETWEEN_LOOKS = 0.01
_MOST_LOOKS = 100


def end_orphans(worker: int) -> None:
    """End every process that an ended worker has started, directly or not; blocks until none is left."""
    for _ in range(_MOST_LOOKS):  # one may have started another one since the last look
        pids = [pid for pid in _processes() if _is_marked(pid, worker)]
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            _collect(pid)
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def has_started(worker: int) -> int:
    """A process that a worker has started, itself or through others, and that has not ended; 0 when there is none."""
    has_mark = marked_by(worker) == worker
    for pid, group in _living():
        if pid != worker and (_is_marked(pid, worker) if has_mark else group == worker):
            return pid
    return 0


def collect_ended() -> None:
    """Reap processes that a worker started and left behind, and that have ended by themselves."""
    own = os.getpid()
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        for pid in map(int, children):
            if marked_by(pid) not in (0, pid):
                _collect(pid)


def _is_marked(pid: int, worker: int) -> bool:
    return pid != worker and marked_by(pid) == worker and _counts_as_here(pid)


def _living() -> Iterator[tuple[int, int]]:
    """Processes of which more is left than an exit code that nobody has asked for, each with its group."""
    for pid, group, state in _listed() if sys.platform == "linux" else _told_by_ps():
        if not state.startswith("Z"):
            yield int(pid), int(group)


def _listed() -> Iterator[Sequence[str]]:
    for pid in map(str, _processes()):
        with contextlib.suppress(OSError):
            state, _, group = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
            yield pid, group, state


def _told_by_ps() -> Iterator[Sequence[str]]:
    command = ["ps", "-A", "-o", "pid=", "-o", "pgid=", "-o", "stat="]
    return map(str.split, subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines())


def _counts_as_here(pid: int) -> bool:
    """Whether it is in this process's pid namespace: in a container, the number of a mark is another process's."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() == Path("/proc/self/ns/pid").readlink()
    except OSError:
        return False


def _processes() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _collect(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
