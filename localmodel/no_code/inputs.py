"""The inputs of a model, from which the schema of run() and a sample request are made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

_TEXT = "text"
_DATE = "2020-01-01T00:00:00"


@dataclass(frozen=True)
class Array:
    """An array. `shape` has -1 for sizes that a request chooses, such as the first one. `dtype` is numpy's.

    `name` is the model's name for it, or "" for a single input without a name.
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
    """A column of a table; with `categories`, it has pandas' dtype for them. A request may lack an `optional` one."""

    name: str
    dtype: str = "float64"
    categories: tuple[Any, ...] = ()
    optional: bool = False


@dataclass(frozen=True)
class Table:
    """A DataFrame with these columns."""

    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Texts:
    """A list of texts."""


@dataclass(frozen=True)
class Untyped:
    """An array or a table, as in the request, because the model does not describe its inputs."""


Inputs = Arrays | Table | Texts | Untyped


def sample(inputs: Inputs) -> dict[str, Any] | None:
    """The body of a request to /score with one row, or None if the model does not describe its inputs."""
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
    """The body as a file for the user to read and change."""
    return None if body is None else (json.dumps(body, ensure_ascii=False) + "\n").encode()


def cell(column: Column) -> Any:
    """A possible value of the column."""
    return column.categories[0] if column.categories else value(column.dtype)


def value(dtype: str) -> Any:
    """A value of the type in JSON."""
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
