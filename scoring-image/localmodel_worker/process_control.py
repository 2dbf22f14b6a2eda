"""What a process asks of the kernel about itself."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent is killed: C code that keeps the GIL stops our thread."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def set_name(name: str) -> None:
    """Be shown as this by ps and top: up to 15 characters."""
    import ctypes

    _prctl(_PR_SET_NAME, ctypes.create_string_buffer(name.encode()))


def become_child_of(server: int) -> None:
    """Wait until the process that forked this one has ended, and its parent has taken over; die with that one.

    To be told of the death of the process in between would be to die with it.
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
