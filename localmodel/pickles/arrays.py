"""Skips arrays in joblib's files, whose bytes lie between the pickle's instructions, after a wrapper object."""

import re
from typing import Final, TypeGuard

from localmodel.pickles.stream import Stream, UnreadablePickleError
from localmodel.pickles.values import Global, Made, Value

WRAPPER: Final = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
KEYS: Final = frozenset({"shape", "dtype", "numpy_array_alignment_bytes"})

_DTYPE = re.compile(r"[<>=|]?([biufcSUVOMmg?])(\d{1,18})?")
_STRINGS = ("StringDType", "_convert_to_stringdtype_kwargs")
_START = 1 << 16
# The place of the flags in a dtype's state, and the bit for Python objects.
_FLAGS = 7
_HAS_OBJECTS = 1


def is_pickled(wrapper: dict[str, Value]) -> bool:
    """Whether the array has Python objects, so that a pickle follows instead of bytes."""
    dtype = wrapper.get("dtype")
    if not isinstance(dtype, Made):
        return False
    if isinstance(dtype.of, Global) and dtype.of.name in _STRINGS:
        return True
    flags = dtype.state[_FLAGS] if isinstance(dtype.state, tuple) and len(dtype.state) > _FLAGS else 0
    return code(dtype).startswith("O") or (isinstance(flags, int) and bool(flags & _HAS_OBJECTS))


def skip(wrapper: dict[str, Value], stream: Stream) -> bytes:
    """Skip the array's bytes; return the first of them, with their padding.

    Raises:
        UnreadablePickleError: the wrapper does not say how many there are, or there are fewer.
    """
    count = _item_size(wrapper.get("dtype"), stream)
    shape = wrapper.get("shape")
    if not is_shape(shape):
        raise UnreadablePickleError(f"the array at byte {stream.position} has no shape that can be read")
    for length in shape:
        count *= length
    # joblib 1.2 and later align the bytes, and write the length of the padding first.
    if wrapper.get("numpy_array_alignment_bytes") is not None:
        padding = stream.read(1)
        start = padding + stream.read(padding[0])
    else:
        start = b""
    stream.expect(count)
    start += stream.read(min(count, _START))
    stream.skip(count - min(count, _START))
    return start


def is_shape(value: Value) -> TypeGuard[tuple[int, ...]]:
    """Whether the value is the shape of an array."""
    return isinstance(value, tuple) and all(type(length) is int and 0 <= length < 1 << 62 for length in value)


def code(dtype: Value) -> str:
    """The code, as in `numpy.dtype("f8")`; "" if the value is not a dtype."""
    if isinstance(dtype, Made) and isinstance(dtype.of, Global) and dtype.of.name == "dtype":
        arguments = dtype.arguments
        if isinstance(arguments, tuple) and arguments and isinstance(arguments[0], str):
            return arguments[0]
    return ""


def _item_size(dtype: Value, stream: Stream) -> int:
    match = _DTYPE.fullmatch(code(dtype))
    if match is None:
        raise UnreadablePickleError(f"the array at byte {stream.position} has a dtype that is not known")
    kind, digits = match.groups()
    return int(digits or 1) * (4 if kind == "U" else 1)
