"""Reads the instructions of a pickle one by one, with the arguments that can matter."""

import codecs
import pickletools
import re
from collections.abc import Callable

from localmodel.pickles.stream import Stream, UnreadablePickleError
from localmodel.pickles.values import UNKNOWN, Span, Value

# Names of modules and classes are shorter than this; longer texts are skipped.
_LONGEST_TEXT = 1024
_LONGEST_LINE = 1 << 20
_LONGEST_NUMBER = 20
_OCTAL = re.compile(rb"\s*[+-]?0[0-7]+\s*")

Reader = Callable[[Stream], Value]


def next_instruction(stream: Stream) -> tuple[str, Value]:
    """The name of the next instruction, as in pickletools, and its argument or None.

    Raises:
        UnreadablePickleError: the file ends, or the byte is not an instruction.
    """
    code = stream.next()
    entry = _TABLE[code] if code >= 0 else None
    if entry is None:
        what = f"byte {stream.position - 1} is not an instruction" if code >= 0 else "it ends without a STOP"
        raise UnreadablePickleError(f"not a whole pickle: {what}")
    name, reader = entry
    return name, reader(stream) if reader else None


def _unsigned(count: int) -> Reader:
    return lambda stream: int.from_bytes(stream.read(count), "little")


def _signed(stream: Stream) -> Value:
    return int.from_bytes(stream.read(4), "little", signed=True)


def _text(count: int, encoding: str) -> Reader:
    """A reader of a text after its length in `count` bytes."""

    def reader(stream: Stream) -> Value:
        length = int.from_bytes(stream.read(count), "little")
        if length > _LONGEST_TEXT:
            return _span(stream, length)
        return stream.read(length).decode(encoding, "surrogateescape")

    return reader


def _skipped(count: int) -> Reader:
    """A reader that skips bytes after their length in `count` bytes."""

    def reader(stream: Stream) -> Value:
        return _span(stream, int.from_bytes(stream.read(count), "little"))

    return reader


def _span(stream: Stream, length: int) -> Value:
    start = stream.position
    stream.skip(length)
    return Span(start, length) if length > _LONGEST_TEXT else UNKNOWN


def _long(count: int) -> Reader:
    def reader(stream: Stream) -> Value:
        length = int.from_bytes(stream.read(count), "little")
        if length > _LONGEST_NUMBER:
            stream.skip(length)
            return UNKNOWN
        return int.from_bytes(stream.read(length), "little", signed=True)

    return reader


def _number_line(stream: Stream) -> Value:
    line = stream.line(_LONGEST_LINE)
    if line in (b"00", b"01"):
        return line == b"01"
    digits = line.removesuffix(b"L")
    if len(digits) > _LONGEST_NUMBER:
        return UNKNOWN
    try:
        # "0x10" is a number, too; "010" is eight for one of Python's two unpicklers, and an error for the other.
        return int(digits, 8 if _OCTAL.fullmatch(digits) else 0)
    except ValueError:
        raise UnreadablePickleError(f"not a whole pickle: no number before byte {stream.position}") from None


def _index_line(stream: Stream) -> Value:
    line = stream.line(_LONGEST_TEXT)
    try:
        return int(line)
    except ValueError:
        raise UnreadablePickleError(f"not a whole pickle: no number before byte {stream.position}") from None


def _persistent_id(stream: Stream) -> Value:
    stream.line(_LONGEST_LINE)
    return UNKNOWN


def _float_line(stream: Stream) -> Value:
    try:
        float(stream.line(_LONGEST_LINE))
    except ValueError:
        raise UnreadablePickleError(f"not a whole pickle: no number before byte {stream.position}") from None
    return UNKNOWN


def _float(stream: Stream) -> Value:
    stream.read(8)
    return UNKNOWN


def _quoted_line(stream: Stream) -> Value:
    line = stream.line(_LONGEST_LINE).strip()
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1]:
        raise UnreadablePickleError(f"not a whole pickle: no quoted text before byte {stream.position}")
    if len(line) > _LONGEST_TEXT:
        return UNKNOWN
    try:
        return codecs.escape_decode(line[1:-1])[0].decode("latin-1")
    except ValueError:
        raise UnreadablePickleError(f"not a whole pickle: no quoted text before byte {stream.position}") from None


def _escaped_line(stream: Stream) -> Value:
    line = stream.line(_LONGEST_LINE)
    try:
        return line.decode("raw-unicode-escape") if len(line) <= _LONGEST_TEXT else UNKNOWN
    except ValueError:
        raise UnreadablePickleError(f"not a whole pickle: no text before byte {stream.position}") from None


def _plain_line(stream: Stream) -> Value:
    return stream.line(_LONGEST_TEXT).decode("utf-8", "surrogateescape")


def _two_lines(stream: Stream) -> Value:
    return (_plain_line(stream), _plain_line(stream))


_READERS: dict[str, Reader] = {
    **{"uint1": _unsigned(1), "uint2": _unsigned(2), "uint4": _unsigned(4), "uint8": _unsigned(8), "int4": _signed},
    **{"long1": _long(1), "long4": _long(4), "float8": _float, "floatnl": _float_line},
    **{"decimalnl_short": _number_line, "decimalnl_long": _number_line},
    **{"string1": _text(1, "latin-1"), "string4": _text(4, "latin-1")},
    **{"unicodestring1": _text(1, "utf-8"), "unicodestring4": _text(4, "utf-8"), "unicodestring8": _text(8, "utf-8")},
    **{"bytes1": _skipped(1), "bytes4": _skipped(4), "bytes8": _skipped(8), "bytearray8": _skipped(8)},
    **{"stringnl": _quoted_line, "unicodestringnl": _escaped_line},
    **{"stringnl_noescape": _persistent_id, "stringnl_noescape_pair": _two_lines},
}


def _table() -> list[tuple[str, Reader | None] | None]:
    table: list[tuple[str, Reader | None] | None] = [None] * 256
    for opcode in pickletools.opcodes:
        reader = _READERS[opcode.arg.name] if opcode.arg else None
        table[ord(opcode.code)] = (opcode.name, _index_line if opcode.name in ("GET", "PUT") else reader)
    return table


_TABLE = _table()
