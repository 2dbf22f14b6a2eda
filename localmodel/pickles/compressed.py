"""Compressed files, recognised by their first bytes as in joblib, and never unpacked as a whole."""

import bz2
import importlib
import io
import lzma
import zlib
from typing import Any

from localmodel.pickles.stream import Budget, File, UnreadablePickleError

_PREFIXES = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ", "lzma": b"\x5d\x00", "lz4": b"\x04\x22\x4d\x18"}
# xz wants 65 MiB with its highest setting.
_MOST_MEMORY = 256 << 20
_PIECE = 1 << 16


def kind(start: bytes) -> str:
    """The compression of a file with these first bytes (six are enough), or ""."""
    for name, prefix in _PREFIXES.items():
        if start.startswith(prefix):
            return name
    # The first two bytes of zlib, as one number, are a multiple of 31.
    return "zlib" if start[:1] == b"\x78" and int.from_bytes(start[:2]) % 31 == 0 else ""


def unpacked(file: File, compression: str, budget: Budget) -> io.BufferedReader:
    """The unpacked content, to be read forwards, which may raise the same error.

    Raises:
        UnreadablePickleError: it cannot be unpacked.
    """
    return io.BufferedReader(_Unpacked(file, compression, budget), _PIECE)


class _Unpacked(io.RawIOBase):
    def __init__(self, file: File, compression: str, budget: Budget) -> None:
        self._file = file
        self._compression = compression
        self._budget = budget
        self._unpacker = _unpacker(compression)
        self._packed = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        try:
            content = self._more(len(buffer))
        except (OSError, EOFError, ValueError, RuntimeError, MemoryError, zlib.error, lzma.LZMAError) as error:
            raise UnreadablePickleError(f"its compressed data is damaged ({error})") from None
        buffer[: len(content)] = content
        return len(content)

    def _more(self, most: int) -> bytes:
        while True:
            self._budget.check()
            if self._unpacker.eof:
                # Another stream may follow, as in a file that was written in parts.
                self._packed = (self._unpacker.unused_data or self._file.read(_PIECE)).lstrip(b"\0")
                if not self._packed:
                    return b""
                self._unpacker = _unpacker(self._compression)
            elif self._unpacker.needs_input:
                self._packed = self._file.read(_PIECE)
                if not self._packed:
                    raise UnreadablePickleError("its compressed data ends too early")
            content: bytes = self._unpacker.decompress(self._packed, most)
            self._packed = b""
            if content:
                return content


def _unpacker(compression: str) -> Any:
    match compression:
        case "gzip" | "zlib":
            return _Zlib()
        case "bz2":
            return bz2.BZ2Decompressor()
        case "xz" | "lzma":
            return lzma.LZMADecompressor(memlimit=_MOST_MEMORY)
    try:
        return importlib.import_module("lz4.frame").LZ4FrameDecompressor()
    except ImportError:
        raise UnreadablePickleError("it is compressed with lz4, which needs another package: pip install lz4") from None


class _Zlib:
    """A decompressor for zlib, with the interface of the other modules."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(47)  # for zlib's header or gzip's

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, most)
