"""Tensors of the Open Inference Protocol: their types, and their values as bytes and as JSON lists.

Nothing here allocates by a shape that a client has declared: a shape is only compared with the data that came.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from localmodel_server.errors import BadRequestError

_MOST_DIMENSIONS = 32  # numpy 1 has no more
_MOST_EMPTY_ROWS = 1 << 20  # of tensors without values, whose rows no data bounds
_SIZES = range(1 << 63)


class Datatype(NamedTuple):
    """One numeric type: numpy's name for it, bytes per value, its code in `array` and `struct`."""

    dtype: str
    size: int
    code: str


NUMERIC = {
    "BOOL": Datatype("|b1", 1, "?"),
    "UINT8": Datatype("|u1", 1, "B"),
    "UINT16": Datatype("<u2", 2, "H"),
    "UINT32": Datatype("<u4", 4, "I"),
    "UINT64": Datatype("<u8", 8, "Q"),
    "INT8": Datatype("|i1", 1, "b"),
    "INT16": Datatype("<i2", 2, "h"),
    "INT32": Datatype("<i4", 4, "i"),
    "INT64": Datatype("<i8", 8, "q"),
    "FP16": Datatype("<f2", 2, "e"),
    "FP32": Datatype("<f4", 4, "f"),
    "FP64": Datatype("<f8", 8, "d"),
}
_FLOATS = frozenset({"FP16", "FP32", "FP64"})
_OF_NUMPY = {
    "bool": "BOOL",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    **{name.lower(): name for name in NUMERIC if "INT" in name},
}


class Tensor(NamedTuple):
    """Values in row-major order. raw holds numbers as little-endian bytes, values holds them as a flat list.

    At least one of them is there: raw for every number that came in, values for BYTES, which are texts.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    raw: bytes | memoryview | None = None
    values: list[Any] | None = None


def datatype_of(dtype: str) -> str:
    """The protocol's name for a numpy type (`float64`); BYTES when it has none."""
    return _OF_NUMPY.get(dtype, "BYTES")


def read_shape(name: str, given: Any) -> tuple[int, ...]:
    """Check a declared shape.

    Raises:
        BadRequestError
    """
    if not isinstance(given, list) or not all(type(size) is int and size in _SIZES for size in given):
        raise BadRequestError(400, f"tensor {name}: shape must be a list of whole numbers of at least 0")
    if len(given) > _MOST_DIMENSIONS:
        raise BadRequestError(400, f"tensor {name}: {len(given)} dimensions are more than {_MOST_DIMENSIONS}")
    return tuple(given)


def check_empty(shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse tensors without values whose lists would have too many rows, all together.

    Raises:
        BadRequestError
    """
    rows = 0
    for shape in shapes:
        rows += math.prod(size for size in shape if size) if 0 in shape else 0
        if rows > _MOST_EMPTY_ROWS:
            raise BadRequestError(400, f"shape {list(shape)} is too large for a tensor without values")


def from_json(name: str, datatype: str, shape: tuple[int, ...], data: Any) -> Tensor:
    """A tensor from its JSON data, flat or nested by shape.

    Raises:
        BadRequestError
    """
    values = _flatten(name, shape, data)
    if datatype == "BYTES":
        if not all(type(value) is str for value in values):
            raise BadRequestError(400, f"tensor {name}: the data of BYTES must be strings")
        return Tensor(name, datatype, shape, values=values)
    if datatype == "BF16":  # has no JSON form of its own, and numpy no such type
        datatype = "FP32"
    _check_numeric(name, datatype)
    try:
        return Tensor(name, datatype, shape, pack(datatype, values), values)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRequestError(400, f"tensor {name}: the data is not {datatype}: {error}") from None


def from_binary(name: str, datatype: str, shape: tuple[int, ...], raw: bytes | memoryview) -> Tensor:
    """A tensor from Triton's binary data.

    Raises:
        BadRequestError
    """
    count = math.prod(shape)
    if datatype == "BYTES":
        return Tensor(name, datatype, shape, values=_read_texts(name, bytes(raw), count))
    if datatype == "BF16":
        _check_size(name, raw, count, 2)
        return Tensor(name, "FP32", shape, _widen(bytes(raw)))
    _check_numeric(name, datatype)
    _check_size(name, raw, count, NUMERIC[datatype].size)
    return Tensor(name, datatype, shape, raw)


def flat(tensor: Tensor) -> list[Any]:
    """The values as a flat list."""
    if tensor.values is not None:
        return tensor.values
    raw = tensor.raw or b""
    kind = NUMERIC[tensor.datatype]
    return list(struct.unpack(f"<{len(raw) // kind.size}{kind.code}", raw))


def nested(tensor: Tensor) -> Any:
    """The values as lists nested by shape; the value itself when the shape is empty."""
    values: list[Any] = flat(tensor)
    if not tensor.shape:
        return values[0]
    if not values:
        return _empty(tensor.shape)
    for size in reversed(tensor.shape[1:]):
        values = [values[start : start + size] for start in range(0, len(values), size)]
    return values


def binary(tensor: Tensor) -> bytes | memoryview:
    """The values as Triton's binary data."""
    if tensor.raw is not None:
        return tensor.raw
    if tensor.datatype != "BYTES":
        return pack(tensor.datatype, flat(tensor))
    texts = [value.encode() for value in flat(tensor)]
    return b"".join(chain.from_iterable((struct.pack("<I", len(text)), text) for text in texts))


def pack(datatype: str, values: Sequence[Any]) -> bytes:
    """Numbers as little-endian bytes; None stands for NaN, which JSON lacks.

    Raises:
        TypeError, ValueError, OverflowError: a value is not of the type.
    """
    code = NUMERIC[datatype].code
    if datatype in _FLOATS and None in values:
        values = [math.nan if value is None else value for value in values]
    if datatype == "BOOL":
        if not (set(map(type, values)) <= {bool, int} and set(values) <= {0, 1}):
            raise ValueError("expected true and false")
        return bytes(values)
    if datatype == "FP16":
        return _pack_halves(values)
    packed = array(code, values)
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        packed.byteswap()
    return packed.tobytes()


def _pack_halves(values: Sequence[Any]) -> bytes:
    try:
        return struct.pack(f"<{len(values)}e", *values)
    except struct.error as error:
        raise ValueError(str(error)) from None


def _check_numeric(name: str, datatype: str) -> None:
    if datatype not in NUMERIC:
        known = ", ".join([*NUMERIC, "BF16", "BYTES"])
        raise BadRequestError(400, f"tensor {name}: unknown datatype {datatype!r}; choose {known}")


def _check_size(name: str, raw: bytes | memoryview, count: int, size: int) -> None:
    if len(raw) != count * size:
        raise BadRequestError(400, f"tensor {name}: the shape needs {count * size} bytes of data, got {len(raw)}")


def _flatten(name: str, shape: tuple[int, ...], data: Any) -> list[Any]:
    count = math.prod(shape)
    if not isinstance(data, list):
        raise BadRequestError(400, f"tensor {name}: data must be a list")
    if not (data and isinstance(data[0], list)):
        if len(data) != count:
            raise BadRequestError(400, f"tensor {name}: the shape needs {count} values, got {len(data)}")
        return data
    # A loop, not recursion: the parser lets data through that is nested as deep as Python's stack.
    level = data
    for depth, size in enumerate(shape):
        if depth:
            if not all(isinstance(item, list) and len(item) == size for item in level):
                raise BadRequestError(400, f"tensor {name}: the data is not nested as its shape says")
            level = list(chain.from_iterable(level))
        elif len(level) != size:
            raise BadRequestError(400, f"tensor {name}: the shape needs {size} rows, got {len(level)}")
    return level


def _empty(shape: tuple[int, ...]) -> list[Any]:
    inner = shape[: shape.index(0) + 1]
    values: list[Any] = []
    for size in reversed(inner[:-1]):
        values = [values] * size
    return values


def _read_texts(name: str, raw: bytes, count: int) -> list[Any]:
    texts = []
    position = 0
    while position < len(raw):
        start = position + 4
        position = start + int.from_bytes(raw[position:start], "little")
        if start > len(raw) or position > len(raw):
            raise BadRequestError(400, f"tensor {name}: the binary data ends inside a string")
        try:
            texts.append(raw[start:position].decode())
        except UnicodeDecodeError:
            raise BadRequestError(
                400, f"tensor {name}: string {len(texts)} is not UTF-8; send bytes as base64"
            ) from None
    if len(texts) != count:
        raise BadRequestError(400, f"tensor {name}: the shape needs {count} strings, got {len(texts)}")
    return texts


def _widen(raw: bytes) -> bytes:
    """BF16 as FP32: it is the upper half of one."""
    wide = bytearray(2 * len(raw))
    wide[2::4] = raw[0::2]
    wide[3::4] = raw[1::2]
    return bytes(wide)
