"""What a worker does while it answers nothing: only an idle one can be kept to go back to."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Callable, Optional

_own: set[int] = set()
# A thread of an executor that waits for what nobody gives it, and one that only looks at progress bars.
_WAITING = ("concurrent.futures.thread", "_worker")
_HARMLESS = "tqdm._monitor"


def start_own_thread(target: Callable[..., object], *arguments: object) -> None:
    """Start a daemon thread that is the worker's, not the script's."""
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    if thread.ident is not None:
        _own.add(thread.ident)


def at_work() -> list[str]:
    """Describe what runs without a request; call it in the thread that answers requests.

    Threads of libraries that never run Python code, such as those of numeric ones, are not seen.
    """
    own = {*_own, threading.get_ident()}
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    activities = [
        f"its thread {names.get(ident, str(ident))!r}"
        for ident, frame in sys._current_frames().items()
        if ident not in own and not _is_idle(frame)
    ]
    return [*activities, "its alarm (signal.setitimer)"] if signal.getitimer(signal.ITIMER_REAL)[0] else activities


def _is_idle(frame: FrameType) -> bool:
    if (frame.f_globals.get("__name__"), frame.f_code.co_name) == _WAITING:
        return True
    return any(caller.f_globals.get("__name__") == _HARMLESS for caller in _callers(frame))


def _callers(frame: Optional[FrameType]) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back
