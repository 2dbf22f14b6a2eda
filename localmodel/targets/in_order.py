"""SIGTERM while something must not be left half done."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Have a SIGTERM raise SystemExit here, as Ctrl-C raises KeyboardInterrupt, so that what is half done is put right.

    Nothing where the program handles the signal itself, or in a thread, which cannot.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)  # what follows puts it right, and is not interrupted
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
