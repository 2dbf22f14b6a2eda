"""Makes a form of a request: from an example of it, and from its schema where there is one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from localmodel.output import printable
from localmodel.ui.request import tables
from localmodel.ui.request.tables import Table

Kind = Literal["number", "text", "flag", "picture", "table", "json"]
Path = tuple[str | int, ...]

SIDE = 28  # of a picture of the MNIST data set
# Longer lists, and more fields, are easier to read as JSON.
_LONGEST_LIST = 40
_MOST_FIELDS = 60
_DEEPEST = 8


@dataclass(frozen=True)
class Field:
    """A part of the request that one control changes.

    Attributes:
        path: the keys and indices that lead to it.
        kind: which control; a picture is drawn.
        value: what it is in the example.
        whole: whether it is a whole number.
        scale: the value of a white pixel.
        table: the table, which has a control for each of its cells.
    """

    path: Path
    kind: Kind
    value: Any
    whole: bool = False
    scale: int = 1
    table: Table | None = None

    @property
    def label(self) -> str:
        """The path as a programmer writes it, such as `data[0][3]`."""
        words = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return words.removeprefix(".") or "request"

    @property
    def key(self) -> str:
        """The path as JSON, for the page's script."""
        return json.dumps(self.path)

    @property
    def json(self) -> str:
        """The value as JSON, in which all can be seen."""
        return printable.json_text(json.dumps(self.value, ensure_ascii=False))

    @property
    def rows_key(self) -> str:
        """The path to the rows of the table, as JSON."""
        return json.dumps((*self.path, *self.table.place)) if self.table else ""

    @property
    def cells(self) -> "list[list[Field]]":
        """The cells of the table, row by row."""
        table = self.table
        if table is None:
            return []
        are_numbers = [_is_column_of_numbers(column) for column in zip(*table.rows, strict=True)]
        rows: list[list[Field]] = []
        for number, cells in enumerate(table.rows):
            paths = [(*self.path, *table.place, number, key) for key in table.keys]
            rows.append([_cell(*cell) for cell in zip(cells, paths, are_numbers, strict=True)])
        return rows


def fields(example: object, schema: Mapping[str, Any]) -> list[Field]:
    """The controls for a request like this one; a single one for all of it where there would be too many."""
    made = list(_fields(example, schema, ()))
    return made if len(made) <= _MOST_FIELDS else [Field((), "json", example)]


def example_of(schema: Mapping[str, Any], depth: int = 0) -> Any:
    """A value that fits the schema: its own example, or else the smallest one."""
    for name in ("example", "default"):
        if name in schema:
            return schema[name]
    if isinstance(examples := schema.get("examples"), list) and examples:
        return examples[0]
    kind = schema.get("type")
    if depth > _DEEPEST:
        return None
    if kind == "object" or "properties" in schema:
        return {
            name: example_of(_mapping(part), depth + 1) for name, part in _mapping(schema.get("properties")).items()
        }
    if kind == "array":
        return [example_of(_mapping(schema.get("items")), depth + 1)]
    return {"number": 0.0, "integer": 0, "boolean": False, "string": ""}.get(str(kind))


def _fields(value: Any, schema: Mapping[str, Any], path: Path) -> Iterator[Field]:
    is_frame = str(schema.get("format", "")).startswith("pandas.DataFrame")
    if not isinstance(value, list | Mapping):
        yield _plain(value, path, whole=schema.get("type") == "integer")
    elif is_picture(value):
        yield Field(path, "picture", value, scale=255 if _largest(value) > 1 else 1)
    elif table := tables.of(value, is_frame):
        yield Field(path, "table", value, table=table)
    elif isinstance(value, Mapping) and value and len(path) < _DEEPEST:
        parts = _mapping(schema.get("properties"))
        for name, part in value.items():
            yield from _fields(part, _mapping(parts.get(name)), (*path, name))
    elif _is_short(value) and len(path) < _DEEPEST:
        for index, part in enumerate(value):
            yield from _fields(part, _mapping(schema.get("items")), (*path, index))
    else:
        yield Field(path, "json", value)


def _plain(value: Any, path: Path, whole: bool = False) -> Field:
    """The control for a value that contains no others."""
    if isinstance(value, bool):
        return Field(path, "flag", value)
    if isinstance(value, int | float):
        return Field(path, "number", value, whole=whole)
    # A line of text cannot show some characters, and loses them when it is edited.
    is_line = isinstance(value, str) and printable.one_line(value) == value
    return Field(path, "text" if is_line else "json", value)


def _cell(value: Any, path: Path, is_number: bool) -> Field:
    return Field(path, "number", "") if value is None and is_number else _plain(value, path)


def _is_column_of_numbers(cells: Sequence[Any]) -> bool:
    """Whether what is missing in it would be a number."""
    return any(map(_is_number, cells)) and all(cell is None or _is_number(cell) for cell in cells)


def is_picture(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a picture of 28 by 28 pixels, as a list of numbers or of rows."""
    if not isinstance(value, list):
        return False
    if len(value) == SIDE and all(isinstance(row, list) and len(row) == SIDE for row in value):
        return all(_is_number(pixel) for row in value for pixel in row)
    return len(value) == SIDE * SIDE and all(map(_is_number, value))


def _is_short(value: object) -> bool:
    """Whether it is a list of plain values, or of one thing: rows of a table stay together."""
    if not isinstance(value, list) or not 0 < len(value) <= _LONGEST_LIST:
        return False
    return len(value) == 1 or not any(isinstance(part, list | Mapping) for part in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _largest(picture: Sequence[Any]) -> float:
    return float(max(max(row) if isinstance(row, list) else row for row in picture))


def _mapping(value: object) -> Mapping[str, Any]:
    """The value, if it is one: a document of the user's own may be anything."""
    return value if isinstance(value, Mapping) else {}
