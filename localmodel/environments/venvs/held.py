"""Locks on the folders of virtual environments that are in use, so that they are not removed."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_held: set[tuple[int, int]] = set()


def hold(place: Path) -> bool:
    """Hold the environment until this process ends, and note that it is used now; False if it does not exist.

    A program that replaces this process (`lmd run`) continues to hold it.
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
        if not place.is_dir() or _identity(place.stat()) != identity:  # it was removed meanwhile
            os.close(folder)
            return False
        os.set_inheritable(folder, True)
        _held.add(identity)
    with contextlib.suppress(OSError):  # a user who may not write there cannot remove it either
        os.utime(place)
    return True


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """A block during which nobody holds the environment.

    Raises:
        BlockingIOError: a process holds it.
        FileNotFoundError: it was removed, and another one may be in its place.
    """
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _identity(place.stat()) != _identity(os.fstat(folder)):
            raise FileNotFoundError(place)
        yield
    finally:
        os.close(folder)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
