"""Small requests that are large when they are decoded."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import NamedTuple

from fault_scripts import MODEL

PREDICT = f"/v1/models/{MODEL}:predict"
INFER = f"/v2/models/{MODEL}/infer"
INVOKE = "/invocations"
_UNITS_AT_ONCE = 10_000


class Bomb(NamedTuple):
    """A request: its path, its body in gzip, and its content type."""

    path: str
    body: bytes
    content_type: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        return {"content-type": self.content_type, "content-encoding": "gzip"}


def packed(start: bytes, unit: bytes, times: int, end: bytes) -> bytes:
    """In gzip: start, a unit again and again, end."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    many = unit * _UNITS_AT_ONCE
    pieces = [compressor.compress(start)]
    pieces += [compressor.compress(many) for _ in range(times // _UNITS_AT_ONCE)]
    pieces += [compressor.compress(unit * (times % _UNITS_AT_ONCE) + end), compressor.flush()]
    return b"".join(pieces)


def tensor(first: bytes, unit: bytes, times: int, count: int = 1, datatype: str = "FP64") -> bytes:
    """An infer request with these values under a shape of count."""
    start = b'{"inputs":[{"name":"x","datatype":"%b","shape":[%d],"data":[' % (datatype.encode(), count)
    return packed(start + first, unit, times, b"]}]}")


def rows(first: bytes, unit: bytes, times: int) -> bytes:
    """A predict request with these instances."""
    return packed(b'{"instances":[' + first, unit, times, b"]}")


_MANY = 33_000_000
# Each made when it is asked for: that takes a moment.
BOMBS: dict[str, Callable[[], Bomb]] = {
    "CSV of short lines": lambda: Bomb(INVOKE, packed(b"a,b\n", b"1,2\n", 25_000_000, b""), "text/csv"),
    "a CSV line of many cells": lambda: Bomb(INVOKE, packed(b"a", b",a", 40_000_000, b"\n1"), "text/csv"),
    "CSV of empty lines": lambda: Bomb(INVOKE, packed(b"a\n1", b"\r", 90_000_000, b""), "text/csv"),
    "empty objects": lambda: Bomb(PREDICT, rows(b"{}", b",{}", _MANY)),
    "empty objects of MLflow": lambda: Bomb(INVOKE, packed(b'{"inputs":[{}', b",{}", _MANY, b"]}")),
    "empty objects for SageMaker": lambda: Bomb(INVOKE, packed(b'{"a":[{}', b",{}", _MANY, b"]}")),
    "empty lists in a tensor": lambda: Bomb(INFER, tensor(b"[]", b",[]", _MANY)),
    "too many numbers in a tensor": lambda: Bomb(INFER, tensor(b"0", b",0", 50_000_000)),
    "fewer numbers, still too many": lambda: Bomb(INFER, tensor(b"0", b",0", 3_000_000)),
    "nested brackets": lambda: Bomb(PREDICT, rows(b"", b"[", 90_000_000)),
    "many names": lambda: Bomb(PREDICT, packed(b'{"inputs":{"":0', b',"a":0', 16_000_000, b"}}")),
    "short texts": lambda: Bomb(INFER, tensor(b'""', b',"ab"', 19_000_000, datatype="BYTES")),
    "one giant number": lambda: Bomb(PREDICT, rows(b"1", b"0", 90_000_000)),
    "one giant number in CSV": lambda: Bomb(INVOKE, packed(b"a\n1", b"0", 100_000, b"\n"), "text/csv"),
    "escapes": lambda: Bomb(PREDICT, packed(b'{"instances":["', b"\\ud83d\\ude00", 8_000_000, b'"]}')),
    "a name for each object": lambda: Bomb(
        PREDICT, packed(b'{"instances":[' + b",".join(b'{"%d":0}' % number for number in range(30_000)), b"", 0, b"]}")
    ),
    "empty tensors": lambda: Bomb(
        INFER,
        packed(
            b'{"inputs":['
            + b",".join(
                b'{"name":"%d","datatype":"FP64","shape":[1000000,0],"data":[]}' % number for number in range(1000)
            ),
            b"",
            0,
            b"]}",
        ),
    ),
    "gzip in gzip": lambda: Bomb(PREDICT, packed(rows(b"{}", b",{}", _MANY), b"", 0, b"")),
    "gzip behind gzip": lambda: Bomb(PREDICT, rows(b"{}", b",{}", 1_000_000) + rows(b"{}", b",{}", _MANY)),
    "nothing but zeros": lambda: Bomb(INVOKE, packed(b"", b"\0", 104_000_000, b"")),
    "more than the limit": lambda: Bomb(INFER, packed(b"", b" ", 200_000_000, b"")),
}
