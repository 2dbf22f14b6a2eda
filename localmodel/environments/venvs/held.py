"""Who uses a virtual environment holds a lock on its folder, so that nobody removes it, and sets the folder's time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_held: set[tuple[int, int]] = set()


def hold(place: Path) -> bool:
    """Keep the environment until this process ends, and note that it is used now. False if there is none there.

    A program that takes the process's place (lmd run) goes on holding it.
    """
    try:
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    identity = _identity(os.fstat(folder))
    if identity in _held:
        os.close(folder)
    else:
        fcntl.flock(folder, fcntl.LOCK_SH)
        if not place.is_dir() or _identity(place.stat()) != identity:  # it was taken away meanwhile
            os.close(folder)
            return False
        os.set_inheritable(folder, True)
        _held.add(identity)
    with contextlib.suppress(OSError):  # who may not write there may not remove it either
        os.utime(place)
    return True


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """Nobody holds the environment, nor comes to hold it before the block has ended.

    Raises:
        BlockingIOError: somebody holds it.
        FileNotFoundError: it is gone, and there may be another one in its place.
    """
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _identity(place.stat()) != _identity(os.fstat(folder)):
            raise FileNotFoundError(place)
        yield
    finally:
        os.close(folder)


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino
