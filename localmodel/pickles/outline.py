"""Reads the object that a pickle would make, its class and some attributes, without making it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from localmodel.pickles import arrays, compressed
from localmodel.pickles.machine import Findings, follow
from localmodel.pickles.stream import Budget, Stream, UnreadablePickleError
from localmodel.pickles.values import Global, Made, Span, StoredArray, Value

_START = 16
_PIECE = 1 << 20


def outline(path: Path, attributes: Iterable[str]) -> tuple[Value, Findings]:
    """The stand-in for the object of a file, compressed or not, with these attributes of it and of inner objects.

    Raises:
        UnreadablePickleError: the file is not a whole pickle, or cannot be read.
    """
    findings = Findings()
    with _content(path) as (file, size):
        return follow(Stream(file, size, Budget()), findings, attributes=frozenset(attributes)), findings


@contextlib.contextmanager
def content_of(path: Path, span: Span) -> Iterator[Any]:
    """The file from the start of the span on, to be read forwards; it does not end with the span.

    Raises:
        UnreadablePickleError
    """
    with _content(path) as (file, size):
        stream = Stream(file, size, Budget())
        stream.skip(span.start)
        yield file


def class_of(value: Value) -> Global | None:
    """The class of an object."""
    return value.of if isinstance(value, Made) and isinstance(value.of, Global) else None


def state_of(value: Value) -> dict[str, Value]:
    """The requested attributes of an object."""
    state = value.state if isinstance(value, Made) else None
    parts = state if isinstance(state, tuple) and len(state) == 2 else (state,)
    return {key: item for part in parts if isinstance(part, dict) for key, item in part.items() if isinstance(key, str)}


def texts_of(value: Value) -> list[str] | None:
    """The texts in a list, or in a one-dimensional array of Python objects; None for anything else."""
    if isinstance(value, Made) and isinstance(value.state, tuple) and len(value.state) == 5:
        value = value.state[4]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return None


def array_of(value: Value) -> StoredArray | None:
    """The type and the shape of an array."""
    if isinstance(value, Made) and isinstance(value.state, tuple) and len(value.state) == 5:
        _, shape, dtype, *_ = value.state
        return StoredArray(arrays.code(dtype), shape) if arrays.is_shape(shape) else None
    return value if isinstance(value, StoredArray) else None


@contextlib.contextmanager
def _content(path: Path) -> Iterator[tuple[Any, int | None]]:
    try:
        with path.open("rb") as file:
            if compression := compressed.kind(file.peek(_START)):
                yield compressed.unpacked(file, compression, Budget()), None
            else:
                yield file, path.stat().st_size
    except OSError as error:
        raise UnreadablePickleError(error.strerror or str(error)) from None
