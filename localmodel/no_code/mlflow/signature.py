"""Converts MLflow's signatures and input examples to a script's inputs, outputs and parameters."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from localmodel.no_code import outputs
from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table, Texts, Untyped, value
from localmodel.no_code.params import Parameter
from localmodel_untrusted.files import UnreadableError, read_file
from localmodel_untrusted.json_text import parse

_COLUMNS = {
    **{"boolean": "bool", "integer": "int32", "long": "int64", "float": "float32", "double": "float64"},
    **{"string": "object", "datetime": "datetime64[ns]"},
}
_PARAMETERS = {
    **{"boolean": "boolean", "integer": "integer", "long": "integer", "float": "number", "double": "number"},
    **{"string": "string", "datetime": "string"},
}
_TENSORS = {
    *("float16", "float32", "float64", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64", "bool"),
}
_MOST_ROWS = 5
_LARGEST_EXAMPLE = 1 << 20


def inputs_of(signature: Any) -> Inputs:
    """The inputs in an MLmodel's signature; `Untyped` without one, and for types that a table does not have."""
    fields = _fields(signature, "inputs")
    if not fields:
        return Untyped()
    if fields == [{"type": "string"}] or fields == [{"type": "string", "required": True}]:
        return Texts()
    if all(field.get("type") == "tensor" for field in fields):
        arrays = [_array(field) for field in fields]
        named = len(arrays) == 1 or len({array.name for array in arrays if array and array.name}) == len(arrays)
        return Arrays(tuple(array for array in arrays if array)) if all(arrays) and named else Untyped()
    names, dtypes = [field.get("name") for field in fields], [_COLUMNS.get(str(field.get("type"))) for field in fields]
    if not all(isinstance(name, str) for name in names) or not all(dtypes):
        return Untyped()
    optional = [field.get("required") is False for field in fields]
    return Table(
        tuple(Column(str(name), str(dtype), (), may) for name, dtype, may in zip(names, dtypes, optional, strict=True))
    )


def merge(signed: Inputs, own: Inputs) -> Inputs:
    """The signature's inputs, with the categories that the model has; without a signature the model's own."""
    if isinstance(signed, Untyped):
        return own
    if isinstance(signed, Table) and isinstance(own, Table) and len(signed.columns) == len(own.columns):
        # LightGBM changes the names of some columns.
        pairs = zip(signed.columns, own.columns, strict=True)
        return Table(
            tuple(
                replace(ours, name=column.name, optional=column.optional) if ours.categories else column
                for column, ours in pairs
            )
        )
    return signed


def outputs_of(signature: Any, has_tables: bool) -> Any:
    """A sample of the answer in an MLmodel's signature, or None. `has_tables` says that a table stays one in it."""
    fields = _fields(signature, "outputs")
    if not fields:
        return None
    if all(field.get("type") == "tensor" for field in fields):
        arrays = [_array(field) for field in fields]
        if not all(arrays) or (len(arrays) > 1 and not has_tables):
            return None
        samples = {array.name: outputs.sample(array) for array in arrays if array}
        return next(iter(samples.values())) if len(arrays) == 1 else samples
    dtypes = [_COLUMNS.get(str(field.get("type"))) for field in fields]
    names = [field.get("name") for field in fields]
    if not all(dtypes):
        return None
    if names == [None]:
        return [value(str(dtypes[0]))]
    # One column may be a list.
    if len(fields) == 1 or not has_tables or not all(isinstance(name, str) for name in names):
        return None
    return [{str(name): value(str(dtype)) for name, dtype in zip(names, dtypes, strict=True)}]


def parameters_of(signature: Any) -> tuple[Parameter, ...]:
    """What a request may give in `params`, from an MLmodel's signature."""
    return tuple(
        Parameter(field["name"], field.get("default"), _kind(field))
        for field in _fields(signature, "params")
        if isinstance(field.get("name"), str)
    )


def _kind(field: dict[str, Any]) -> str:
    kind = _PARAMETERS.get(str(field.get("type")), "")
    if field.get("default") is None or not kind:
        return ""
    return f"list of {kind}" if isinstance(field.get("shape"), list) else kind


def _fields(signature: Any, part: str) -> list[dict[str, Any]]:
    """The fields of this part, which is JSON in a text; none if it is missing or damaged."""
    text = signature.get(part) if isinstance(signature, dict) else None
    try:
        fields = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return []
    return fields if isinstance(fields, list) and all(isinstance(field, dict) for field in fields) else []


def request_of(path: Path | None, inputs: Inputs) -> dict[str, Any] | None:
    """A body for /score with the first rows of the example in this file, or None if it does not fit."""
    try:
        content = read_file(path, _LARGEST_EXAMPLE) if path else None
        example = parse(content) if content else None
    except UnreadableError:
        return None
    if isinstance(example, dict) and set(example) == {"data", "params"}:
        example = example["data"]
    if isinstance(example, dict) and isinstance(example.get("data"), list):
        return _of_table(example, inputs)
    value = example.get("inputs", example) if isinstance(example, dict) else example
    match inputs:
        case Arrays((_,)) | Texts() if isinstance(value, list):
            return {"data": value[:_MOST_ROWS]}
        case Arrays(arrays) if isinstance(value, dict) and set(value) == {array.name for array in arrays}:
            return value
        case Untyped() if isinstance(value, list):
            return {"inputs": value[:_MOST_ROWS]}
    return None


def _of_table(example: dict[str, Any], inputs: Inputs) -> dict[str, Any] | None:
    rows = example["data"][:_MOST_ROWS]
    if not isinstance(columns := example.get("columns"), list):
        return {"data": rows} if isinstance(inputs, Arrays) else None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
        return None
    if isinstance(inputs, Untyped):
        return {"dataframe_split": {"columns": columns, "data": rows}}
    if isinstance(inputs, Table) and _are_of(inputs, {str(name) for name in columns}):
        return {"data": [dict(zip(map(str, columns), row, strict=True)) for row in rows]}
    return {"data": rows} if isinstance(inputs, Arrays) and len(inputs.arrays) == 1 else None


def _are_of(table: Table, names: set[str]) -> bool:
    """Whether they are the table's columns, without optional ones at most."""
    required = {column.name for column in table.columns if not column.optional}
    return required <= names <= {column.name for column in table.columns}


def _array(field: dict[str, Any]) -> Array | None:
    spec = field.get("tensor-spec")
    shape, dtype = (spec.get("shape"), spec.get("dtype")) if isinstance(spec, dict) else (None, None)
    if (
        not isinstance(shape, list)
        or not shape
        or not all(isinstance(size, int) and -1 <= size < 1 << 31 for size in shape)
    ):
        return None
    kind = "str" if dtype in ("str", "object") else str(dtype)
    name = field.get("name")
    return Array((-1, *shape[1:]), kind, name if isinstance(name, str) else "") if kind in {*_TENSORS, "str"} else None
