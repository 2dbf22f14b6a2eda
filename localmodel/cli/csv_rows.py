"""Converts a CSV file to a deployment's JSON: rows of values or of named columns, as in its schema."""

import csv
import io
import json
import math
import re
from typing import Any

_DATA = "data"
_WORDS = {"": None, "true": True, "false": False}
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]{0,17})", re.ASCII)
_NUMBER = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


class NotATableError(ValueError):
    """The text is not CSV; the message says why."""


def body(text: str, example: object) -> bytes:
    """A request with all rows, in the form of the schema's `example`; without one, a list of rows under `data`.

    The first line is read as names of columns unless it has a number.

    Raises:
        NotATableError: it is not CSV, or its lines have different numbers of values.
    """
    try:
        reader = csv.reader(io.StringIO(text), strict=True)
        rows: list[list[str]] = []
        for row in filter(None, reader):
            if rows and len(row) != len(rows[0]):
                raise NotATableError(f"line {reader.line_num} has {len(row)} values, and the first {len(rows[0])}")
            rows.append(row)
    except csv.Error as error:
        raise NotATableError(str(error)) from None
    named = bool(rows) and not any(isinstance(_value(cell), float | int) for cell in rows[0])
    names = rows[0] if named else [str(number) for number in range(len(rows[0]) if rows else 0)]
    values = [[_value(cell) for cell in row] for row in rows[1 if named else 0 :]]
    fields = example if isinstance(example, dict) else {_DATA: []}
    name = next((name for name, value in fields.items() if isinstance(value, list | dict)), _DATA)
    return json.dumps({name: _in_form(names, values, fields.get(name))}).encode()


def _in_form(names: list[str], values: list[list[Any]], form: object) -> object:
    """The rows in the form of an example: a table in two parts, records, values or rows."""
    if isinstance(form, dict):
        parts = {"columns": names, "index": list(range(len(values))), "data": values}
        return {part: content for part, content in parts.items() if part in form or part != "index"}
    first = form[0] if isinstance(form, list) and form else []
    if isinstance(first, dict):
        return [dict(zip(names, row, strict=True)) for row in values]
    if not isinstance(first, list):
        return [row[0] for row in values]
    return values


def _value(cell: str) -> float | int | bool | str | None:
    """The value of a cell: a number, true or false, None, or a text. `007` is a text."""
    text = cell.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) and math.isfinite(float(text)) else cell
