"""Kernel settings that a process makes for itself."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_RLIMIT_RTTIME = 15  # microseconds of a real-time process, which none of ours is
_MARK = 1 << 48


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent is killed: C code that keeps the GIL stops our thread."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def mark_descendants() -> None:
    """Mark what this process starts from now on with its id, so that the server finds it all when this one has ended.

    A limit that stops nobody is the mark: unlike a group, a session, a parent or a variable it stays with whatever a
    process starts and however it does, and others can read it. Where the kernel has none, the group must do.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(_RLIMIT_RTTIME, (_MARK + os.getpid(), resource.getrlimit(_RLIMIT_RTTIME)[1]))


def marked_by(pid: int) -> int:
    """The process that has started this one, itself or through others, or this one if it has marked itself; else 0."""
    if sys.platform != "linux":
        return 0
    try:
        import resource

        return max(0, resource.prlimit(pid, _RLIMIT_RTTIME)[0] - _MARK)
    except (ImportError, OSError, ValueError):
        return 0


def set_name(name: str) -> None:
    """Set the name that ps and top show, of up to 15 characters."""
    import ctypes

    _prctl(_PR_SET_NAME, ctypes.create_string_buffer(name.encode()))


def become_child_of(server: int) -> None:
    """Wait until the process that forked this one has ended, and its parent has taken over; die with that one.

    Before that, the death signal would come from the process in between.
    """
    os.setsid()
    while os.getppid() != server:
        if not _exists(server):
            os._exit(1)
        time.sleep(0.0002)
    die_with_parent()
    if os.getppid() != server:
        os._exit(1)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _prctl(option: int, value: object) -> None:
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(option, value)
