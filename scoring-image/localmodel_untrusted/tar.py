"""Reads tars that others wrote: every member is checked before anything is unpacked, in bounded memory.

Only files and folders below the archive's own top are taken, each once. Whatever the bytes are, there is one kind of
error.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, Optional

if TYPE_CHECKING:
    import tarfile

# What the headers of one member may take.
_MOST_WORDS = 4 * 1024 * 1024
# In how many pieces tarfile may read these: two for each header. What one header says of the next one takes a call
# within a call, and how many of these a program can have is not ours to say: scripts and libraries raise the limit.
_MOST_READS = 50
# What file systems take, and folders that are made and removed one in another.
_LONGEST_PATH = 4000
_DEEPEST = 100
_CHUNK = 1024 * 1024
# What the system says where names cannot be files, or not both.
_NAMES = {errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ}


class RefusedError(Exception):
    """The archive is refused; the text says why, and names the member."""


class Member(NamedTuple):
    """A file or a folder of an archive. What a file holds are `size` bytes at `offset`."""

    path: PurePosixPath
    is_folder: bool
    is_executable: bool
    offset: int
    size: int


class Limits(NamedTuple):
    """How many members, and how many folders (those that are only implied, too), an archive may have."""

    members: int
    folders: int


def members(descriptor: int, limits: Limits) -> Iterator[Member]:
    """The members of the uncompressed tar in an open file, in its order; the file's position stays where it is.

    Raises:
        RefusedError
        OSError: the file cannot be read.
    """
    files: set[PurePosixPath] = set()
    folders = {PurePosixPath()}
    for number, info in enumerate(headers(descriptor)):
        if number >= limits.members:
            raise RefusedError(f"it has more than {limits.members} files and folders")
        member = _member(info)
        if member.path in files or (member.path in folders and not member.is_folder):
            raise RefusedError(f"{shown(info.name)} comes twice")
        for parent in member.path.parents:
            if parent in files:
                raise RefusedError(f"{shown(info.name)} lies below a file")
            if parent in folders:
                break
            folders.add(parent)
        (folders if member.is_folder else files).add(member.path)
        if len(folders) > limits.folders:
            raise RefusedError(f"it has more than {limits.folders} folders")
        if member.path.parts:
            yield member


def unpack(
    descriptor: int, target: Path, limits: Limits, mode: int = 0o644, accept: Optional[Callable[[Member], None]] = None
) -> None:
    """Unpack the tar in an open file into an empty folder, as files of the mode, which can be executed if they could.

    `accept` raises for a member that has no place there. Nothing is made before all members are known to be good.

    Raises:
        RefusedError: the file system cannot take the names; something may have been unpacked then.
        OSError: the file cannot be read, or there is no room.
    """
    good = []
    for member in members(descriptor, limits):
        if accept is not None:
            accept(member)
        good.append(member)
    made: set[PurePosixPath] = set()
    for member in good:
        try:
            folder = member.path if member.is_folder else member.path.parent
            if folder not in made:
                (target / folder).mkdir(parents=True, exist_ok=True)
                made.add(folder)
            if not member.is_folder:
                _copy(descriptor, member, target / member.path, mode | 0o111 if member.is_executable else mode)
        except OSError as error:
            if error.errno in _NAMES:
                raise RefusedError(f"{shown(member.path)}: {error.strerror}") from None
            raise


def chunks(descriptor: int, member: Member) -> Iterator[bytes]:
    """What a file of the tar holds, in pieces.

    Raises:
        RefusedError, OSError: as members().
    """
    offset, end = member.offset, member.offset + member.size
    while offset < end:
        chunk = os.pread(descriptor, min(_CHUNK, end - offset), offset)
        if not chunk:
            raise RefusedError(f"it ends in the middle of {shown(member.path)}")
        offset += len(chunk)
        yield chunk


def shown(name: object) -> str:
    """A name out of an archive for a message: short, without control characters."""
    text = str(name)
    return ascii(text if len(text) <= 120 else f"{text[:120]}...")


class _Words:
    """A file for tarfile, which would read headers of any length into memory."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0
        self.next_member()

    def next_member(self) -> None:
        """Allow the next member as many headers as those before had."""
        self._left, self._reads = _MOST_WORDS, 0

    def read(self, size: int = -1) -> bytes:
        """Read as much as is asked for, if that is little.

        Raises:
            RefusedError
        """
        if not 0 <= size <= self._left:
            raise RefusedError(f"the headers of a member take more than {_MOST_WORDS} bytes")
        if self._reads == _MOST_READS:
            raise RefusedError(f"a member has more than {_MOST_READS // 2} headers")
        self._left -= size
        self._reads += 1
        data = os.pread(self._descriptor, size, self._position)
        self._position += len(data)
        return data

    def seek(self, position: int) -> None:
        """Read on from there.

        Raises:
            RefusedError
        """
        if not 0 <= position < 1 << 62:
            raise RefusedError("the size of a member is impossible")
        self._position = position

    def tell(self) -> int:
        return self._position


def headers(descriptor: int) -> Iterator[tarfile.TarInfo]:
    """What tarfile makes of the headers of the uncompressed tar in an open file, without what the members hold.

    Raises:
        RefusedError
        OSError: the file cannot be read.
    """
    import tarfile  # the first archive can wait for that, a server's start need not

    words, size = _Words(descriptor), os.fstat(descriptor).st_size
    try:
        archive = tarfile.open(fileobj=words, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115
        while (info := archive.next()) is not None:
            if info.isreg() and not 0 <= info.size <= size - info.offset_data:
                raise RefusedError(f"it ends in the middle of {shown(info.name)}")
            yield info
            # They would be kept, and what one header says of all members would hold for those that come.
            archive.members.clear()
            archive.pax_headers.clear()
            words.next_member()
        # tarfile takes a header that is broken for the end.
        end = archive.offset
        words.seek(end)
        words.next_member()
        if words.read(tarfile.BLOCKSIZE).strip(b"\0") or words.tell() != end + tarfile.BLOCKSIZE:
            raise RefusedError("it is cut off, or broken in the middle")
    except (RefusedError, OSError):
        raise
    except tarfile.TarError as error:
        raise RefusedError(f"it is not a tar: {error}") from None
    except Exception as error:  # numbers that are none: whatever others think of
        raise RefusedError(f"its headers cannot be read: {type(error).__name__}") from None


def _member(info: tarfile.TarInfo) -> Member:
    if not (info.isdir() or info.isreg()) or info.issparse():
        raise RefusedError(f"{shown(info.name)} is neither a file nor a folder")
    if len(info.name) > _LONGEST_PATH:
        raise RefusedError(f"{shown(info.name)} is longer than {_LONGEST_PATH} characters")
    path = PurePosixPath(info.name)
    if len(path.parts) > _DEEPEST:
        raise RefusedError(f"{shown(info.name)} lies in more than {_DEEPEST} folders")
    if path.is_absolute() or ".." in path.parts or "\0" in info.name or not (path.parts or info.isdir()):
        raise RefusedError(f"{shown(info.name)} leads out of the archive")
    return Member(path, info.isdir(), bool(info.mode & 0o100), info.offset_data, info.size)


def _copy(descriptor: int, member: Member, path: Path, mode: int) -> None:
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        for chunk in chunks(descriptor, member):
            left = memoryview(chunk)
            while left:
                left = left[os.write(out, left) :]
    finally:
        os.close(out)
