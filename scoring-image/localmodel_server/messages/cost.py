"""Estimates what decoding a body costs, from its bytes alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from localmodel_server.messages.call import Headers
from localmodel_server.messages.contract import Contract

# Decoding what takes more memory than this would hold the event loop up for more than some 20 ms.
MOST_ON_LOOP = 8 << 20
# Bodies so short are small whatever is in them.
SHORT = 16 << 10
_SHORT_JSON = 128 << 10
_SLICE = 1 << 16
# Bytes that Python takes: an entry of a list with its number, a list, an object, its name and value, half a text.
_ENTRY, _LIST, _OBJECT, _NAME, _QUOTE = 32, 56, 64, 60, 26
# A line of CSV becomes lists of texts and of values, and an object.
_LINE, _CELL = 130, 60
# Python's loops over a table take longer than the parser of JSON, for as much memory.
_SLOWER = 3
_WIDEST_CHARACTER = 4


class Cost(NamedTuple):
    """Bytes of memory: `least` is needed in any case, `most` decides where a body is decoded."""

    least: int
    most: int

    @property
    def is_small(self) -> bool:
        """Whether the event loop may do it."""
        return self.most <= MOST_ON_LOOP


# From a body, its headers (names in lower case), the contract that it is decoded for, and what is enough to know:
# counting ends at the first figure above it.
Estimate = Callable[[bytes, Headers, Contract, int], Cost]
NOTHING = Cost(0, 0)


def of_json(text: bytes, enough: int = MOST_ON_LOOP) -> Cost:
    """The cost of a JSON text."""
    if len(text) <= _SHORT_JSON:
        return NOTHING
    cost = _count(text, enough, _of_json)
    return Cost(cost, cost)


def of_csv(text: bytes, enough: int = MOST_ON_LOOP) -> Cost:
    """The cost of a CSV text."""
    if len(text) <= SHORT:
        return NOTHING
    cost = _count(text, enough, _of_csv)
    return Cost(cost, cost * _SLOWER)


def _count(text: bytes, enough: int, of_slice: Callable[[bytes], int]) -> int:
    cost = 0
    for start in range(0, len(text), _SLICE):
        cost += of_slice(text[start : start + _SLICE])
        if cost > enough:
            break
    return cost


def _of_json(text: bytes) -> int:
    entries = text.count(b",") * _ENTRY + text.count(b"[") * _LIST
    entries += text.count(b"{") * _OBJECT + text.count(b":") * _NAME + text.count(b'"') * _QUOTE
    is_narrow = text.isascii() and b"\\u" not in text
    return entries + len(text) * (1 if is_narrow else _WIDEST_CHARACTER)


def _of_csv(text: bytes) -> int:
    lines = text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")
    return lines * _LINE + (lines + text.count(b",")) * _CELL + len(text)
