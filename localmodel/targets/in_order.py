"""Handling SIGTERM while something must not be left half done."""

import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Have SIGTERM raise SystemExit here, as Ctrl-C raises KeyboardInterrupt, so that the block can clean up.

    Does nothing if the program handles the signal itself, or in a thread other than the main one.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)  # a second one must not interrupt the cleaning up
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder that goes with the block, after SIGTERM, too."""
    with ends_in_order(), tempfile.TemporaryDirectory(prefix=prefix) as place:
        yield Path(place).resolve()
