"""Reads the fields of a message in Protocol Buffers' wire format from an open file, without a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

_MOST_FIELDS = 2_000_000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class UnreadableProtobufError(Exception):
    """The bytes are not a message; the text says why."""


class Field(NamedTuple):
    """A field: a number as `value`, or `length` bytes at the position `start`."""

    number: int
    value: int
    start: int
    length: int


def fields(file: IO[bytes], start: int, end: int) -> Iterator[Field]:
    """The fields of the message in these bytes of the file; the file's position may change between them.

    Raises:
        UnreadableProtobufError
    """
    position = start
    for _ in range(_MOST_FIELDS):
        if position == end:
            return
        file.seek(position)
        key = _varint(file)
        kind, value, length = key & 7, 0, 0
        if kind == _VARINT:
            value = _varint(file)
            position = file.tell()
        elif kind == _BYTES:
            length = _varint(file)
            position = file.tell() + length
        elif kind in (_FIXED32, _FIXED64):
            position = file.tell() + (4 if kind == _FIXED32 else 8)
        else:
            raise UnreadableProtobufError(f"byte {position} does not begin a field")
        if position > end:
            raise UnreadableProtobufError("it ends in the middle of a field")
        yield Field(key >> 3, value, position - length, length)
    raise UnreadableProtobufError("there is more in it than is looked at")


def text(file: IO[bytes], field: Field, longest: int) -> str:
    """The text of a field.

    Raises:
        UnreadableProtobufError: it is longer, or not a text.
    """
    if field.length > longest:
        raise UnreadableProtobufError("a name in it is too long")
    file.seek(field.start)
    try:
        return file.read(field.length).decode()
    except UnicodeDecodeError:
        raise UnreadableProtobufError("a name in it is not text") from None


def _varint(file: IO[bytes]) -> int:
    value = 0
    for shift in range(0, 7 * _LONGEST_VARINT, 7):
        byte = file.read(1)
        if not byte:
            raise UnreadableProtobufError("it ends in the middle of a field")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise UnreadableProtobufError("it has a number that does not end")
