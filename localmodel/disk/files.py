"""Writing files so that a reader, or a crash, never sees half of one."""

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
    """A binary file that takes `path`'s place when the block ends well, and leaves no trace when it does not."""
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
    """The folder `place`, which `make` fills unless it is there; seen by others only when it is complete."""
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".incoming-", ignore_cleanup_errors=True) as incoming:
        built = Path(incoming) / "folder"
        make(built)
        try:
            built.rename(place)
        except OSError:
            if not place.exists():  # else another process has just finished the same one
                raise
    return place


def write(path: Path, content: bytes) -> None:
    """Replace the file's content in one step; it can be executed if it could."""
    with replacing(path) as file:
        file.write(content)
        if isinstance(content, Executable):
            os.fchmod(file.fileno(), 0o755)


def create(path: Path, content: bytes) -> None:
    """Create the file in one step.

    Raises:
        FileExistsError: it is there already; it is left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # link() refuses an existing name, so of two processes exactly one creates it
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()


@contextlib.contextmanager
def lock_file(path: Path, make: bool = True) -> Iterator[int]:
    """The descriptor of a lock file, for flock().

    Raises:
        FileNotFoundError: it is not there, and is not to be made.
        UserError: StateDamaged.
    """
    # A pipe in its place would be waited for.
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
    """Hold the lock file together with others; waits for whoever holds it alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock file alone.

    Raises:
        BlockingIOError: somebody else holds it now.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


@contextlib.contextmanager
def locked(path: Path, shared: bool = False) -> Iterator[None]:
    """Wait for the lock file and hold it: alone, or together with everybody who wants it shared."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path) as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def room(folder: Path, needed: int | None = None) -> Iterator[None]:
    """Say so when what is written into the folder, `needed` bytes in all, does not fit.

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
    """The error for a disk that has no room in this folder for `needed` bytes."""
    wants = "" if needed is None else f"writing needs {needed} bytes, and "
    return UserError(
        reasons.STORE_FULL,
        f"{folder}: the disk is full: {wants}{free(folder)} bytes are free ({error.strerror}); free some space "
        "(lmd store gc removes unused content), or move the store with LOCALMODEL_HOME",
    )


def free(folder: Path) -> int:
    """Bytes that are free where the folder is, or would be."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return shutil.disk_usage(there).free
