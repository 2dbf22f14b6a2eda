"""Writes files so that no reader ever sees half of one, even after a crash."""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from localmodel import reasons
from localmodel.disk import state_file
from localmodel.disk.executable import Executable
from localmodel.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that replaces `path` when the block ends, and leaves no trace if the block raises."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def made_once(place: Path, make: Callable[[Path], object]) -> Path:
    """The folder `place`, which `make` fills if it does not exist; others see it only when it is complete."""
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".incoming-", ignore_cleanup_errors=True) as incoming:
        built = Path(incoming) / "folder"
        make(built)
        try:
            built.rename(place)
        except OSError:
            if not place.exists():  # otherwise another process has just finished the same one
                raise
    return place


def write(path: Path, content: bytes) -> None:
    """Replace the file's content atomically; its executable bit stays."""
    with replacing(path) as file:
        file.write(content)
        if isinstance(content, Executable):
            os.fchmod(file.fileno(), 0o755)


def create(path: Path, content: bytes) -> None:
    """Create the file atomically.

    Raises:
        FileExistsError: the file exists, and stays as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # link() refuses an existing name, so that exactly one of two processes creates it
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()


@contextlib.contextmanager
def lock_file(path: Path, make: bool = True) -> Iterator[int]:
    """The descriptor of a lock file, for flock().

    Raises:
        FileNotFoundError: it does not exist, and `make` is false.
        UserError: StateDamaged.
    """
    # Opening a pipe in its place would wait.
    flags = os.O_NONBLOCK | os.O_CLOEXEC | (os.O_RDWR | os.O_CREAT if make else os.O_RDONLY)
    try:
        descriptor = os.open(path, flags, 0o666)
    except IsADirectoryError:
        raise state_file.damaged(path, "it is a folder", "remove it") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise state_file.damaged(path, "it is not a file", "remove it")
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def together(path: Path) -> Iterator[None]:
    """Hold the lock file together with others, after waiting for a process that holds it alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file alone.

    Raises:
        BlockingIOError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextlib.contextmanager
def locked(path: Path, shared: bool = False) -> Iterator[None]:
    """Wait for the lock file and hold it, alone or shared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def room(folder: Path, needed: int | None = None) -> Iterator[None]:
    """A block that writes into the folder; if the disk is full, the error says how many bytes are `needed`.

    Raises:
        UserError: StoreFull.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise full(folder, error, needed) from None


def full(folder: Path, error: OSError, needed: int | None = None) -> UserError:
    """The error for a folder whose disk has no room for `needed` bytes."""
    wants = "" if needed is None else f"writing needs {needed} bytes, and "
    return UserError(
        reasons.STORE_FULL,
        f"{folder}: the disk is full: {wants}{free(folder)} bytes are free ({error.strerror}); free some space "
        "(lmd store gc removes unused content), or move the store with LOCALMODEL_HOME",
    )


def free(folder: Path) -> int:
    """The number of free bytes on the disk where the folder is or would be."""
    existing = next(folder_above for folder_above in (folder, *folder.parents) if folder_above.exists())
    return shutil.disk_usage(existing).free
