"""Tables of named columns: how requests write them, and how a pandas parameter wants to read them."""

from __future__ import annotations

import csv
import io
import math
import re
from typing import Any, NamedTuple

from localmodel_server.errors import BadRequestError
from localmodel_server.messages.contract import Value

_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*")
_MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "None"})  # pandas reads more; these are in use
_BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_FIELD_TYPES = {"int": "integer", "uint": "integer", "float": "number", "bool": "boolean", "datetime": "datetime"}


# A table of objects without a common name is far larger than they are.
_MOST_CELLS_FOR_A_VALUE = 16
_LEAST_CELLS = 1 << 16


class Table(NamedTuple):
    """Rows of JSON values under column names; the labels of the rows only when the client sent some."""

    columns: list[str]
    rows: list[list[Any]]
    labels: list[Any] | None = None


def from_split(what: str, given: dict[str, Any]) -> Table:
    """Read `{"columns": ..., "data": ..., "index": ...}`, which is found under `what`.

    Raises:
        BadRequestError
    """
    columns, rows, index = given.get("columns"), given.get("data"), given.get("index")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise BadRequestError(400, f"{what} must have the lists columns and data")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(columns):
            raise BadRequestError(400, f"{what}: row {number} of data must be a list of {len(columns)} values")
    if index is not None and (not isinstance(index, list) or len(index) != len(rows)):
        raise BadRequestError(400, f"{what}: index must be a list of {len(rows)} values")
    return Table([str(name) for name in columns], rows, index)


def is_records(given: Any) -> bool:
    """Whether this is a list of objects."""
    return isinstance(given, list) and bool(given) and all(type(item) is dict for item in given)


def from_records(records: list[dict[str, Any]]) -> Table:
    """A table of objects; what an object lacks is None.

    Raises:
        BadRequestError: hardly any two have a name in common.
    """
    columns = list(dict.fromkeys(name for record in records for name in record))
    cells, given = len(columns) * len(records), sum(map(len, records))
    if cells > _LEAST_CELLS and cells > _MOST_CELLS_FOR_A_VALUE * given:
        raise BadRequestError(
            400, f"{len(records)} objects have {len(columns)} names between them: give all the same names"
        )
    return Table(columns, [[record.get(name) for name in columns] for record in records])


def from_columns(columns: dict[str, list[Any]]) -> Table:
    """A table of columns of equal length.

    Raises:
        BadRequestError
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise BadRequestError(400, f"the columns differ in their number of rows: {counts}")
    return Table(list(columns), [list(row) for row in zip(*columns.values())])


def from_csv(text: str) -> Table:
    """Read text with a line of column names; a column is of numbers or booleans where all its values are.

    Raises:
        BadRequestError
    """
    try:
        lines = [line for line in csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True) if line]
    except csv.Error as error:
        raise BadRequestError(400, f"the body is not CSV: {error}") from None
    if not lines:
        raise BadRequestError(400, "the CSV body is empty; its first line must name the columns")
    columns, cells = lines[0], lines[1:]
    for number, line in enumerate(cells, 2):
        if len(line) != len(columns):
            raise BadRequestError(400, f"CSV row {number} has {len(line)} values under {len(columns)} column names")
    typed = [_typed([line[position] for line in cells]) for position in range(len(columns))]
    return Table(columns, [list(row) for row in zip(*typed)])


def in_orient(table: Table, parameter: Value) -> Any:
    """The table as JSON in the parameter's orient, as `pandas.read_json` reads it."""
    columns, rows = table.columns, table.rows
    orient = parameter.orient or "records"
    index = list(range(len(rows))) if table.labels is None else table.labels
    records = [dict(zip(columns, row)) for row in rows]
    if orient == "split":
        return {"columns": columns, "index": index, "data": rows}
    if orient == "values":
        return rows
    if orient == "index":
        return {str(key): record for key, record in zip(index, records)}
    if orient == "columns":
        return {
            name: {str(key): row[position] for key, row in zip(index, rows)} for position, name in enumerate(columns)
        }
    if orient == "table":
        dtypes = dict(parameter.columns)
        fields = [{"name": name, "type": _field_type(dtypes.get(name, ""))} for name in columns]
        return {"schema": {"fields": fields}, "data": records}
    return records


def _field_type(dtype: str) -> str:
    return _FIELD_TYPES.get(dtype.rstrip("0123456789").partition("64[")[0], "string")


def _typed(cells: list[str]) -> list[Any]:
    present = [cell for cell in cells if cell not in _MISSING]
    if len(present) == len(cells) and all(map(_WHOLE.fullmatch, cells)):
        try:
            return [int(cell) for cell in cells]
        except ValueError as error:  # thousands of digits
            raise BadRequestError(400, f"the body is not CSV of numbers: {error}") from None
    if len(present) == len(cells) and all(cell in _BOOLEANS for cell in cells):
        return [_BOOLEANS[cell] for cell in cells]
    numbers = [_number(cell) for cell in present]
    if None not in numbers:
        return [None if cell in _MISSING else _number(cell) for cell in cells]
    return [None if cell in _MISSING else cell for cell in cells]


def _number(cell: str) -> float | None:
    try:
        number = float(cell) if "_" not in cell else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
