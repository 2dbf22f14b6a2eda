"""Joins neighbouring layers of an image into one with the same effect, because engines accept only so many layers."""

import contextlib
import copy
import stat
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from localmodel import digests
from localmodel.oci.layers import CHUNK
from localmodel.oci.layout import Blob, Layout

T = TypeVar("T")

_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"  # image-spec, layer.md


def runs(stack: Sequence[T], most: int) -> list[list[T]]:
    """Split the stack into at most `most` runs.

    Half of them are the lowest layers, each alone; the rest is cut into runs of one length. So a layer that is added on
    top changes only the last run, until the length has to grow.

    Raises:
        ValueError: `most` is less than 1.
    """
    if most < 1:
        raise ValueError(f"a stack of {most} layers")
    if len(stack) <= most:
        return [[layer] for layer in stack]
    alone = most // 2
    length = -(-(len(stack) - alone) // (most - alone))
    rest = range(alone, len(stack), length)
    return [*([layer] for layer in stack[:alone]), *(list(stack[start : start + length]) for start in rest)]


def fewer(layout: Layout, stack: Sequence[Blob], most: int) -> list[Blob]:
    """Join layers until there are at most `most`, all in the layout. What was joined before is reused."""
    return [_joined(layout, run) for run in runs(stack, most)]


def _joined(layout: Layout, run: Sequence[Blob]) -> Blob:
    if len(run) == 1:
        return run[0]
    key = digests.of_json([blob.digest for blob in run]).removeprefix("sha256:")
    record = layout.root / "squashed" / f"{key}.json"
    if blob := layout.recorded(record):
        return blob
    blob = layout.write(squash([layout.path(layer.digest) for layer in run]), needed=sum(layer.size for layer in run))
    layout.record(record, blob)
    return blob


def squash(paths: Iterable[Path]) -> Iterator[bytes]:
    """One uncompressed tar with the effect of these layers (uncompressed tars, lowest first)."""
    state = _State()
    with contextlib.ExitStack() as stack:
        for path in paths:
            archive = stack.enter_context(tarfile.open(path))
            members = archive.getmembers()
            # A layer's whiteouts apply to the layers below, wherever they are in its tar.
            for member in members:
                state.take_away(_name(member))
            for member in members:
                state.put(archive, member)
        yield from state.tar()


def _name(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").strip("/")


@dataclass
class _State:
    """The joined state: path -> archive member, and the paths and folders below the lowest layer that are hidden."""

    present: dict[str, tuple[tarfile.TarFile, tarfile.TarInfo]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)  # all parents of present paths

    def take_away(self, name: str) -> None:
        folder, _, last = name.rpartition("/")
        if last == _OPAQUE:
            self._remove_below(folder)
            self.opaque.add(folder)
        elif last.startswith(_WHITEOUT):
            path = f"{folder}/{last.removeprefix(_WHITEOUT)}".lstrip("/")
            self._remove_below(path)
            self.present.pop(path, None)
            self.opaque.discard(path)
            self.gone.add(path)
            self.folders.update(map(str, PurePosixPath(path).parents[:-1]))

    def put(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = _name(member)
        if not name or name.rpartition("/")[2].startswith(_WHITEOUT):
            return
        before = self.present.get(name)
        if not member.isdir():
            self._remove_below(name)
            self.opaque.discard(name)
            self.gone.discard(name)
        elif name in self.gone or (before and not before[1].isdir()):
            self._shut(name)
        for parent in map(str, PurePosixPath(name).parents[:-1]):
            self.folders.add(parent)
            if parent in self.gone:
                self._shut(parent)
        if member.islnk():
            # A later layer may replace its target, which must not change this file.
            archive, member = self._linked(archive, member)
        self.present[name] = (archive, member)

    def _linked(self, archive: tarfile.TarFile, link: tarfile.TarInfo) -> tuple[tarfile.TarFile, tarfile.TarInfo]:
        target = link.linkname.removeprefix("./").strip("/")
        if target not in self.present:
            raise ValueError(f"{link.name} is a link to {target}, which none of the layers has")
        return self.present[target]

    def _shut(self, folder: str) -> None:
        """Keep the content that a new folder hides in lower layers hidden."""
        self.gone.discard(folder)
        self.opaque.add(folder)

    def _remove_below(self, folder: str) -> None:
        if folder and folder not in self.folders:
            return  # the usual case, for possibly many files
        start = f"{folder}/" if folder else ""
        self.present = {path: entry for path, entry in self.present.items() if not path.startswith(start)}
        self.gone, self.opaque, self.folders = (
            {path for path in paths if not path.startswith(start)} for paths in (self.gone, self.opaque, self.folders)
        )
        self.folders.discard(folder)

    def tar(self) -> Iterator[bytes]:
        """The tar, sorted, so that folders come before their content, and equal states give equal bytes."""
        marks = {_join(*path.rpartition("/")[::2]) for path in self.gone}
        marks |= {f"{folder}/{_OPAQUE}".lstrip("/") for folder in self.opaque}
        for name in sorted({*self.present, *marks}, key=lambda name: name.split("/")):
            if name in marks:
                yield _mark(name)
                continue
            archive, member = self.present[name]
            own = copy.copy(member)
            own.name = f"{name}/" if member.isdir() else name
            own.pax_headers = {key: text for key, text in member.pax_headers.items() if key not in ("path", "size")}
            yield own.tobuf(tarfile.PAX_FORMAT)
            if member.isfile():
                yield from _content(archive, member)
        yield bytes(2 * tarfile.BLOCKSIZE)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{_WHITEOUT}{name}".lstrip("/")


def _mark(name: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.mode = stat.S_IRUSR | stat.S_IWUSR
    return info.tobuf(tarfile.PAX_FORMAT)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(member)
    while file and (chunk := file.read(CHUNK)):
        yield chunk
    yield bytes(-member.size % tarfile.BLOCKSIZE)
