"""What run() returned, as tensors.

A table (an object, or a list of objects that all have the same names) becomes a tensor a column, anything else
becomes one tensor. A list that is nested evenly keeps its shape. Values of more than one type become BYTES that
hold one JSON text each, as do those of a list that is not nested evenly.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from localmodel_server.dialects.oip.tensors import NUMERIC, Tensor, datatype_of, pack
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.contract import Value
from localmodel_server.payloads.json_text import dump
from localmodel_server.payloads.tables import is_records

_INT64 = range(-(1 << 63), 1 << 63)
_UINT64 = range(1 << 64)


def tensors_of(result: Any, declared: Value | None, default_name: str) -> list[Tensor]:
    """The tensors of a result; the only one of them has the default name.

    declared is what a schema says of the result: the datatype, where the values have it.
    """
    columns = _columns(result)
    if columns is not None:
        return [_tensor(name, values, None) for name, values in columns.items()]
    return [_tensor(default_name, result, declared)]


def _columns(result: Any) -> dict[str, Any] | None:
    if isinstance(result, dict):
        return result
    if is_records(result) and all(record.keys() == result[0].keys() for record in result):
        return {name: [record[name] for record in result] for name in result[0]}
    return None


def _tensor(name: str, value: Any, declared: Value | None) -> Tensor:
    values, shape = _even(value if isinstance(value, list) else [value])
    wanted = None if declared is None or declared.kind != "numpy" else datatype_of(declared.dtype)
    datatype = _datatype(values, wanted)
    if datatype == "JSON":
        try:
            return Tensor(name, "BYTES", shape, values=[dump(item).decode() for item in values])
        except BadRequestError as error:
            raise BadRequestError(500, f"output {name}: {error}; /score returns it unchanged") from None
    raw = pack(datatype, values) if datatype in NUMERIC else None
    return Tensor(name, datatype, shape, raw, values)


def _even(value: list[Any]) -> tuple[list[Any], tuple[int, ...]]:
    """The values in one flat list, and their shape."""
    shape = [len(value)]
    while value and all(isinstance(item, list) for item in value):
        length = len(value[0])
        if any(len(item) != length for item in value):
            break
        shape.append(length)
        value = list(chain.from_iterable(value))
    return value, tuple(shape)


def _datatype(values: list[Any], wanted: str | None) -> str:
    types = set(map(type, values))
    if types <= {str} and (types or wanted == "BYTES"):
        return "BYTES"
    if wanted in NUMERIC and _fits(wanted, values):
        return wanted
    if types == {bool}:
        return "BOOL"
    if types == {int} and all(value in _INT64 for value in values):
        return "INT64"
    if types == {int} and all(value in _UINT64 for value in values):
        return "UINT64"
    if types <= {int, float, type(None)} and (float in types or not types) and _are_exact(values):
        return "FP64"
    return "JSON"


def _are_exact(values: list[Any]) -> bool:
    """Whether no whole number has more than 64 bits, which a float would round."""
    return all(type(value) is not int or value in _INT64 or value in _UINT64 for value in values)


def _fits(datatype: str, values: list[Any]) -> bool:
    try:
        if not _are_exact(values):
            return False
        pack(datatype, values)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
