"""Reads Universal Binary JSON as XGBoost writes it; long texts and long arrays of numbers are skipped."""

from __future__ import annotations

import struct
from typing import Any, Protocol

_NUMBERS = {
    **{b"i": ">b", b"U": ">B", b"I": ">h", b"u": ">H", b"l": ">i", b"m": ">I", b"L": ">q", b"M": ">Q"},
    **{b"d": ">f", b"D": ">d"},
}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
_LONGEST_TEXT = 1 << 20
_PIECE = 1 << 20
_DEEPEST = 50
_MOST_VALUES = 20_000_000
_MOST_NUMBERS = 2_000_000


class UnreadableUbjsonError(Exception):
    """The bytes are not XGBoost's format; the text says why."""


class File(Protocol):
    """An open file."""

    def read(self, size: int, /) -> bytes:
        """Read at most this many bytes; none at the end."""


def read(file: File, without: frozenset[str]) -> Any:
    """Read the value that begins here, with None for the keys in `without`.

    Raises:
        UnreadableUbjsonError
    """
    reader = _Reader(file, without)
    return reader.value(reader.take(1), kept=True)


class _Reader:
    def __init__(self, file: File, without: frozenset[str]) -> None:
        self._file = file
        self._without = without
        self._values = 0
        self._depth = 0
        self._numbers_kept = 0

    def take(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise UnreadableUbjsonError("it ends too early")
        return data

    def value(self, marker: bytes, kept: bool) -> Any:
        self._values += 1
        if self._values > _MOST_VALUES or self._depth > _DEEPEST:
            raise UnreadableUbjsonError("there is more in it than is looked at")
        if marker in _NUMBERS:
            return self._number(marker)
        if marker in (b"S", b"C"):
            return self._text(kept) if marker == b"S" else self.take(1).decode("latin-1")
        if marker not in (b"[", b"{"):
            if marker not in _CONSTANTS:
                raise UnreadableUbjsonError("it is not XGBoost's JSON or UBJSON")
            return _CONSTANTS[marker]
        self._depth += 1
        value = self._array(kept) if marker == b"[" else self._object(kept)
        self._depth -= 1
        return value

    def _number(self, marker: bytes) -> Any:
        form = _NUMBERS[marker]
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def _length(self) -> int:
        marker = self.take(1)
        length = self._number(marker) if marker in _NUMBERS else -1
        if not isinstance(length, int) or length < 0:
            raise UnreadableUbjsonError("it has a length that is not a number")
        return length

    def _text(self, kept: bool) -> str | None:
        length = self._length()
        if not kept or length > _LONGEST_TEXT:
            self._skip(length)
            return None
        return self.take(length).decode(errors="replace")

    def _skip(self, length: int) -> None:
        while length:
            length -= len(self.take(min(length, _PIECE)))

    def _array(self, kept: bool) -> list[Any] | None:
        marker = self.take(1)
        if marker == b"$":
            kind = self.take(1)
            if kind not in _NUMBERS or self.take(1) != b"#":
                raise UnreadableUbjsonError("it has an array of a kind that XGBoost does not write")
            return self._numbers(kind, self._length(), kept)
        items: list[Any] = []
        if marker == b"#":
            for _ in range(self._length()):
                self._keep(items, self.value(self.take(1), kept), kept)
            return items
        while marker != b"]":
            self._keep(items, self.value(marker, kept), kept)
            marker = self.take(1)
        return items

    def _numbers(self, kind: bytes, count: int, kept: bool) -> list[Any] | None:
        """An array of one kind, or None if it is long, or too many of them have been read."""
        size = count * struct.calcsize(_NUMBERS[kind])
        if not kept or self._numbers_kept + count > _MOST_NUMBERS:
            self._skip(size)
            return None
        self._numbers_kept += count
        return list(struct.unpack(f">{count}{_NUMBERS[kind][1]}", self.take(size)))

    def _keep(self, items: list[Any], value: Any, kept: bool) -> None:
        if kept:
            items.append(value)

    def _object(self, kept: bool) -> dict[str, Any]:
        items: dict[str, Any] = {}
        marker = self.take(1)
        while marker != b"}":
            length = self._number(marker) if marker in _NUMBERS else -1
            if not isinstance(length, int) or not 0 <= length <= _LONGEST_TEXT:
                raise UnreadableUbjsonError("it has a key whose length is not a number")
            key = self.take(length).decode(errors="replace")
            wanted = kept and key not in self._without
            value = self.value(self.take(1), wanted)
            if kept:
                items[key] = value if wanted else None
            marker = self.take(1)
        return items
