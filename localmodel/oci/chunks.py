"""Reads chunks of bytes as a file, and the content of a compressed layer."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

from localmodel.oci.layers import CHUNK

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class DamagedError(OSError):
    """The compressed content cannot be read; the text says why."""


class _Raw(io.RawIOBase):
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, so that only the end is short."""
        filled, room = 0, memoryview(buffer)
        while filled < len(room):
            if not self._rest and not (chunk := next(self._chunks, b"")):
                break
            self._rest = self._rest or memoryview(chunk)
            size = min(len(self._rest), len(room) - filled)
            room[filled : filled + size] = self._rest[:size]
            filled, self._rest = filled + size, self._rest[size:]
        return filled


def reader(chunks: Iterable[bytes]) -> io.BufferedReader:
    """A file with the content of the chunks, which are taken as they are read."""
    return io.BufferedReader(_Raw(chunks), CHUNK)


def plain(content: IO[bytes]) -> Iterator[bytes]:
    """The uncompressed content of a file that may be compressed with gzip or zstd, in bounded memory.

    Raises:
        DamagedError
    """
    buffered: Any = content
    head = buffered.peek(len(_ZSTD))
    file, how = buffered, ""
    if head.startswith(_ZSTD):
        file, how = zstd.ZstdFile(content), "zstd"
    elif head.startswith(_GZIP):
        file, how = gzip.GzipFile(fileobj=content), "gzip"
    while chunk := _read(file, how):
        yield chunk


def _read(file: IO[bytes], how: str) -> bytes:
    try:
        return file.read(CHUNK)
    except (gzip.BadGzipFile, zstd.ZstdError, zlib.error, EOFError) as error:
        raise DamagedError(f"it is compressed with {how}, and cannot be read: {error}") from None
