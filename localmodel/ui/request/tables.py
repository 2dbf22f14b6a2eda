"""Recognizes a table in a request: records, or the columns and rows of pandas' orient `split`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOST_CELLS = 400
_SPLIT = {"columns", "index", "data"}


@dataclass(frozen=True)
class Table:
    """The parts of a table that a control needs.

    Attributes:
        place: the keys that lead from the value to its list of rows.
        keys: the key or index of each column in a row.
        columns: the name of each column.
        rows: the cells.
    """

    place: tuple[str, ...]
    keys: tuple[str | int, ...]
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


def of(value: object, is_declared: bool) -> Table | None:
    """The table in a value; a single record is one only if the schema declares a table."""
    table = _records(value, is_declared) if isinstance(value, list) else _split(value, is_declared)
    if table is None or not table.columns or len(table.rows) * len(table.columns) > _MOST_CELLS:
        return None
    is_plain = all(not isinstance(cell, list | Mapping) for row in table.rows for cell in row)
    return table if is_plain else None


def _records(value: list[Any], is_declared: bool) -> Table | None:
    if len(value) < (1 if is_declared else 2) or not all(isinstance(row, Mapping) for row in value):
        return None
    keys = tuple(value[0])
    if any(row.keys() != value[0].keys() for row in value):
        return None
    return Table((), keys, keys, [[row[key] for key in keys] for row in value])


def _split(value: object, is_declared: bool) -> Table | None:
    if not isinstance(value, Mapping) or not ({"columns", "data"} <= value.keys() <= _SPLIT or is_declared):
        return None
    columns, rows = value.get("columns"), value.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list) or not rows:
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return None
    return Table(("data",), tuple(range(len(columns))), tuple(map(str, columns)), rows)
