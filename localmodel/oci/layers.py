"""Reproducible layers: equal files always give equal bytes."""

import contextlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from localmodel import reasons
from localmodel.disk import folder
from localmodel.disk.executable import Executable, is_executable
from localmodel.errors import UserError
from localmodel_untrusted import tar as untrusted

CHUNK = 1 << 20
# The limit of files and folders, because readers of a tar keep their names in memory.
_MOST_MEMBERS = 250_000
_LIMITS = untrusted.Limits(_MOST_MEMBERS, _MOST_MEMBERS)


@dataclass(frozen=True)
class Link:
    """A symbolic link to a path."""

    target: str


@dataclass(frozen=True)
class Entry:
    """A file of a layer: its path inside, and its content."""

    path: str
    content: "bytes | Path | Link | _Slice"

    @property
    def size(self) -> int:
        if isinstance(self.content, Link):
            return 0
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.size if isinstance(self.content, _Slice) else self.content.stat().st_size

    @property
    def is_executable(self) -> bool:
        if isinstance(self.content, Link):
            return True
        if isinstance(self.content, bytes):
            return isinstance(self.content, Executable)
        return self.content.member.is_executable if isinstance(self.content, _Slice) else is_executable(self.content)

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.content, Link):
            return
        if isinstance(self.content, bytes):
            yield self.content
            return
        if isinstance(self.content, _Slice):
            yield from self.content.chunks()
            return
        with self.content.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def entries_of(path: Path, inside: str) -> list[Entry]:
    """The file, or the folder's files, as entries below the folder `inside`, under the path's own name.

    Raises:
        folder.UnusableFolderError: a file cannot be used.
    """
    if path.is_file():
        return [Entry(f"{inside}/{path.name}".lstrip("/"), path)]
    return [Entry(f"{inside}/{path.name}/{name}".lstrip("/"), file) for name, file in folder.walk(path)]


def tar(entries: Iterable[Entry]) -> Iterator[bytes]:
    """An uncompressed tar of the entries: sorted, owned by root, dated 1970, readable (or executable) by all.

    It contains the folders above each entry, so that they do not get an engine's default mode.

    Raises:
        UserError: TooManyFiles.
    """
    folders: set[str] = set()
    for number, entry in enumerate(sorted(entries, key=lambda entry: entry.path), 1):
        for parent in map(str, reversed(PurePosixPath(entry.path).parents[:-1])):
            if parent not in folders:
                folders.add(parent)
                yield _header(f"{parent}/", 0, tarfile.DIRTYPE, 0o755)
        if number + len(folders) > _MOST_MEMBERS:
            raise UserError(
                reasons.TOO_MANY_FILES, f"more than {_MOST_MEMBERS} files and folders; pack them into fewer"
            )
        size = entry.size
        kind, target = tarfile.REGTYPE, ""
        if isinstance(entry.content, Link):
            kind, target = tarfile.SYMTYPE, entry.content.target
        yield _header(entry.path, size, kind, 0o755 if entry.is_executable else 0o644, target)
        sent = 0
        for chunk in entry.chunks():
            sent += len(chunk)
            yield chunk
        if sent != size:
            raise OSError(f"{entry.content!r} changed while it was being read")
        yield bytes(-size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def around(path: str, size: int) -> tuple[bytes, bytes]:
    """What a tar has before and behind the content of a file."""
    return _header(path, size, tarfile.REGTYPE, 0o644), bytes(-size % tarfile.BLOCKSIZE)


def _header(name: str, size: int, kind: bytes, mode: int, target: str = "") -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mode, info.linkname = size, kind, mode, target
    return info.tobuf(tarfile.PAX_FORMAT)


@contextlib.contextmanager
def reading(path: Path) -> Generator[BinaryIO]:
    """The open tar; damage that is found while it is read becomes an error for the user.

    Raises:
        UserError: ArchiveInvalid.
    """
    try:
        # Opening a pipe in its place would wait.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise untrusted.RefusedError("it is not a file")
            yield file
    except untrusted.RefusedError as error:
        raise UserError(reasons.ARCHIVE_INVALID, f"{path}: {error}") from None


def members(file: BinaryIO) -> Iterator[untrusted.Member]:
    """The members of an open tar.

    Raises:
        UserError: ArchiveInvalid.
    """
    try:
        yield from untrusted.members(file.fileno(), _LIMITS)
    except untrusted.RefusedError as error:
        raise UserError(reasons.ARCHIVE_INVALID, f"{file.name}: {error}") from None


def extract(path: Path, target: Path) -> None:
    """Unpack a tar into an empty folder.

    Raises:
        UserError: ArchiveInvalid.
    """
    with reading(path) as file:
        untrusted.unpack(file.fileno(), target, _LIMITS)


def extract_into(path: Path, target: Path) -> None:
    """Unpack a tar whose only top folder or file has the name of `target`, and replace `target` atomically."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".incoming-") as incoming:
        unpacked, before = Path(incoming, "new"), Path(incoming, "before")
        unpacked.mkdir()
        extract(path, unpacked)
        if target.is_dir() and not target.is_symlink():
            target.rename(before)
        try:
            (unpacked / target.name).replace(target)
        except BaseException:
            if before.exists():
                before.rename(target)
            raise


def top(path: Path) -> str:
    """The name of the only file or folder at the top of a tar.

    Raises:
        UserError: ArchiveInvalid.
    """
    with reading(path) as file:
        for member in members(file):
            return member.path.parts[0]
        raise untrusted.RefusedError("it is empty")


def contents(path: Path, wanted: Callable[[str], bool] = lambda _: True) -> dict[str, bytes]:
    """The wanted files of a tar, path -> content (`Executable` for executable files).

    Raises:
        UserError: ArchiveInvalid.
    """
    with reading(path) as file:
        files = {str(member.path): member for member in members(file) if not member.is_folder}
        return {name: _content(file, member) for name, member in files.items() if wanted(name)}


def _content(file: BinaryIO, member: untrusted.Member) -> bytes:
    content = b"".join(untrusted.chunks(file.fileno(), member))
    return Executable(content) if member.is_executable else content


def moved(path: Path, inside: str) -> Iterator[bytes]:
    """The tar at `path`, with everything in it moved below the folder `inside`.

    Raises:
        UserError: ArchiveInvalid.
    """
    with reading(path) as archive:
        yield from tar(entries_in(archive, inside))


@contextlib.contextmanager
def opened(paths: Iterable[Path]) -> Iterator[list[BinaryIO]]:
    """The opened files."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(path.open("rb")) for path in paths]


def files_in(path: Path) -> list[str]:
    """The paths of a tar's files.

    Raises:
        UserError: ArchiveInvalid.
    """
    with reading(path) as archive:
        return [str(member.path) for member in members(archive) if not member.is_folder]


def entries_in(archive: BinaryIO, inside: str = "") -> list[Entry]:
    """The files of an open tar as entries below the folder `inside`; their content is read later."""
    return [
        Entry(f"{inside}/{member.path}".lstrip("/"), _Slice(archive.fileno(), member))
        for member in members(archive)
        if not member.is_folder
    ]


class _Slice:
    """The content of a file in an open tar."""

    def __init__(self, descriptor: int, member: untrusted.Member) -> None:
        self.descriptor, self.member, self.size = descriptor, member, member.size

    def chunks(self) -> Iterator[bytes]:
        return untrusted.chunks(self.descriptor, self.member)
