"""What a model takes: the schema of its run(), and a sample request that fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_TEXT = "text"
_DATE = "2020-01-01T00:00:00"


@dataclass(frozen=True)
class Array:
    """An array; `shape` has -1 for what a request chooses, which the first dimension always is. `dtype` is numpy's.

    `name` is the model's own for it, "" where it has one input without a name.
    """

    shape: tuple[int, ...]
    dtype: str = "float64"
    name: str = ""


@dataclass(frozen=True)
class Arrays:
    """One array, or several by name."""

    arrays: tuple[Array, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table; with categories, it is of pandas' dtype for them."""

    name: str
    dtype: str = "float64"
    categories: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Table:
    """A DataFrame with these columns."""

    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Texts:
    """A list of texts."""


@dataclass(frozen=True)
class Untyped:
    """An array or a table, as the request has it: the model does not say what it takes."""


Inputs = Arrays | Table | Texts | Untyped


def sample(inputs: Inputs) -> dict[str, Any] | None:
    """The body of a request to /score with one row; None where the model does not say what it takes."""
    match inputs:
        case Arrays((array,)):
            return {"data": _nested(array.shape, value(array.dtype))}
        case Arrays(arrays):
            return {array.name: _nested(array.shape, value(array.dtype)) for array in arrays}
        case Table(columns):
            return {"data": [{column.name: cell(column) for column in columns}]}
        case Texts():
            return {"data": [_TEXT]}
    return None


def written(body: dict[str, Any] | None) -> bytes | None:
    """The body as the file that a user reads and changes."""
    return None if body is None else (json.dumps(body, ensure_ascii=False) + "\n").encode()


def cell(column: Column) -> Any:
    """A value that the column may have."""
    return column.categories[0] if column.categories else value(column.dtype)


def value(dtype: str) -> Any:
    """A value of the type, as JSON has it."""
    if dtype.startswith("float"):
        return 0.0
    if dtype.startswith(("int", "uint")):
        return 0
    if dtype == "bool":
        return False
    return _DATE if dtype.startswith("datetime") else _TEXT


def _nested(shape: tuple[int, ...], item: Any) -> Any:
    for size in reversed(shape):
        item = [item] * (1 if size < 0 else size)
    return item
