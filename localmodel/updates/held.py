"""The archive of an image for a node that has some of its files: these are left out on the way, and put in there."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from localmodel.errors import UserError
from localmodel.oci import layers
from localmodel.oci.layout import Blob, Layout
from localmodel.updates import archive
from localmodel.updates.image import Image

_LEAST = 16 << 10  # bytes of a file: a smaller one is sent sooner than looked for
_MOST = 64  # files, because a command names them


@dataclass(frozen=True)
class Held:
    """Files that a node has in `folder`. `places` maps folders of an image to folders below it."""

    folder: str
    places: Mapping[str, str]


NOTHING = Held("", {})


@dataclass(frozen=True)
class Gap:
    """`size` bytes of the file `path` below the folder, which come after `sent` more bytes of what is sent."""

    sent: int
    path: str
    size: int


@dataclass(frozen=True)
class _Part:
    """A part of a layer: sent, or a node's file of this path."""

    layer: Path
    offset: int
    size: int
    path: str = ""

    def chunks(self) -> Iterator[bytes]:
        with self.layer.open("rb") as file:
            file.seek(self.offset)
            left = self.size
            while left:
                chunk = file.read(min(left, layers.CHUNK))
                if not chunk:
                    raise OSError(f"{self.layer} is shorter than it was")
                left -= len(chunk)
                yield chunk


def archive_without(
    layout: Layout, image: Image, reference: str, sent: Sequence[Blob], held: Held
) -> tuple[Iterator[bytes], list[Gap]]:
    """The bytes of the image's archive that a node with these files lacks, and where it adds its own."""
    files = {layer: _files(layout.path(layer.digest), held) for layer in sent}
    wanted = {*sorted(itertools.chain.from_iterable(files.values()), key=lambda file: -file.size)[:_MOST]}
    filled = {layer: chosen for layer in sent if (chosen := [file for file in files[layer] if file in wanted])}
    pieces = [piece for layer, chosen in filled.items() for piece in _pieces(layout, layer, chosen)]
    rest = archive.archive(layout, image, reference, [layer for layer in sent if layer not in filled])
    return _sent(pieces, rest), _gaps(pieces)


def _files(layer: Path, held: Held) -> list[_Part]:
    """The files of a layer that the node has, in the layer's order."""
    if not held.places:
        return []
    try:
        with layers.reading(layer) as file:
            return [
                _Part(layer, member.offset, member.size, path)
                for member in layers.members(file)
                if member.size >= _LEAST and (path := _place(str(member.path), held)) and path.isprintable()
            ]
    except UserError:
        return []  # of a base image, which may hold more than files


def _place(path: str, held: Held) -> str:
    places = (f"{there}{path.removeprefix(inside)}" for inside, there in held.places.items() if path.startswith(inside))
    return next(places, "")


def _pieces(layout: Layout, layer: Blob, files: Sequence[_Part]) -> Iterator[bytes | _Part]:
    before, behind = layers.around(archive.place(layer.digest), layer.size)
    path, offset = layout.path(layer.digest), 0
    yield before
    for file in files:
        yield _Part(path, offset, file.offset - offset)
        yield file
        offset = file.offset + file.size
    yield _Part(path, offset, layer.size - offset)
    yield behind


def _sent(pieces: Sequence[bytes | _Part], rest: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        elif not piece.path:
            yield from piece.chunks()
    yield from rest


def _gaps(pieces: Sequence[bytes | _Part]) -> list[Gap]:
    gaps, sent = [], 0
    for piece in pieces:
        if isinstance(piece, _Part) and piece.path:
            gaps.append(Gap(sent, piece.path, piece.size))
            sent = 0
        else:
            sent += len(piece) if isinstance(piece, bytes) else piece.size
    return gaps
