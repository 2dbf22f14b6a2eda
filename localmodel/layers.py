"""Reproducible layers: equal files give equal bytes, whenever and by whomever they are packed."""

import contextlib
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """A file of a layer: its path inside, and its content as bytes or as a file to read."""

    path: str
    content: "bytes | Path | _Slice"

    @property
    def size(self) -> int:
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.size if isinstance(self.content, _Slice) else self.content.stat().st_size

    def chunks(self) -> Iterator[bytes]:
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
    """The file or the folder's files as entries below the folder `inside`, under the path's own name."""
    if path.is_file():
        return [Entry(f"{inside}/{path.name}".lstrip("/"), path)]
    return [
        Entry(f"{inside}/{path.name}/{file.relative_to(path).as_posix()}".lstrip("/"), file)
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]


def tar(entries: Iterable[Entry]) -> Iterator[bytes]:
    """An uncompressed tar of the entries: sorted, owned by root, dated 1970, readable by all.

    The folders above each entry are in it too, so that none of them gets an engine's own default mode.
    """
    folders: set[str] = set()
    for entry in sorted(entries, key=lambda entry: entry.path):
        for folder in reversed(PurePosixPath(entry.path).parents[:-1]):
            if str(folder) not in folders:
                folders.add(str(folder))
                yield _header(f"{folder}/", 0, tarfile.DIRTYPE, 0o755)
        size = entry.size
        yield _header(entry.path, size, tarfile.REGTYPE, 0o644)
        sent = 0
        for chunk in entry.chunks():
            sent += len(chunk)
            yield chunk
        if sent != size:
            raise OSError(f"{entry.content!r} changed while it was being read")
        yield bytes(-size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int, kind: bytes, mode: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mode = size, kind, mode
    return info.tobuf(tarfile.PAX_FORMAT)


def extract(path: Path, target: Path) -> None:
    """Unpack a tar that `tar()` made, into a folder."""
    with tarfile.open(path) as archive:
        archive.extractall(target, filter="data")


def extract_into(path: Path, target: Path) -> None:
    """Unpack a tar whose only top folder or file is called as `target`, which it replaces when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".incoming-") as incoming:
        extract(path, Path(incoming))
        if target.is_dir() and not target.is_symlink():
            target.rename(Path(incoming) / ".before")
        (Path(incoming) / target.name).replace(target)


def top(path: Path) -> str:
    """The name of the only file or folder at the top of a tar."""
    with tarfile.open(path) as archive:
        first = archive.next()
    if first is None:
        raise ValueError(f"{path}: an empty archive")
    return PurePosixPath(first.name).parts[0]


def contents(path: Path, wanted: Callable[[str], bool] = lambda _: True) -> dict[str, bytes]:
    """The wanted files of a tar, path -> content."""
    with tarfile.open(path) as archive:
        return {
            member.name: archive.extractfile(member).read()  # type: ignore[union-attr]
            for member in archive
            if member.isfile() and wanted(member.name)
        }


def moved(path: Path, folder: str) -> Iterator[bytes]:
    """The tar at `path`, which `tar()` made, with everything in it moved below a folder."""
    with opened([path]) as (archive,):
        yield from tar(entries_in(archive, folder))


@contextlib.contextmanager
def opened(paths: Iterable[Path]) -> Iterator[list[BinaryIO]]:
    """The files, open while they are read from."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(path.open("rb")) for path in paths]


def entries_in(archive: BinaryIO, folder: str) -> list[Entry]:
    """The files of an open tar that `tar()` made, as entries below a folder; their content is read from it later."""
    archive.seek(0)
    with tarfile.open(fileobj=archive) as members:
        files = {member.name: member for member in members if member.isfile()}
    return [Entry(f"{folder}/{name}", _Slice(archive, file.offset_data, file.size)) for name, file in files.items()]


class _Slice:
    """A stretch of an open file."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self.file, self.offset, self.size = file, offset, size

    def chunks(self) -> Iterator[bytes]:
        self.file.seek(self.offset)
        left = self.size
        while left and (chunk := self.file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk
