"""What a loaded entry script takes and returns, as its worker reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Value:
    """A parameter of run(), or its result, as a schema declares it.

    kind is `numpy`, `pandas`, `standard` or `other`. A numpy value has dtype (`float64`) and the
    sample's shape with -1 for rows; a pandas value has columns (name, dtype) and orient, and says whether a
    request must give all of them.
    """

    name: str
    kind: str
    required: bool = True
    dtype: str = ""
    shape: tuple[int, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    orient: str = ""
    enforces_shape: bool = True


@dataclass(frozen=True)
class Contract:
    """mode is `text` (undecorated), `schema` or `http` (rawhttp).

    swagger holds `{"input": schema, "output": schema}`, versions the swagger versions that they can be
    written in ("2.0", "3.0", "3.1").
    """

    mode: str = "text"
    parameters: tuple[Value, ...] = ()
    output: Value | None = None
    swagger: Mapping[str, Any] = field(default_factory=dict)
    versions: tuple[str, ...] = ("2.0", "3.0", "3.1")
    wants_headers: bool = False
    rows: bool = False  # one numpy parameter with a row dimension: the rows of several requests make one call
    run_batch: bool = False
    reads_json: bool = False  # an undecorated script that calls json.loads


def read_contract(hello: Mapping[str, Any]) -> Contract:
    """The contract in a worker's hello."""
    fields = hello.get("contract", {})
    output = fields.get("output")
    return Contract(
        mode=fields.get("mode", "text"),
        parameters=tuple(_value(parameter) for parameter in fields.get("parameters", [])),
        output=None if output is None else _value(output),
        swagger=fields.get("swagger", {}),
        versions=tuple(fields.get("versions", ["2.0", "3.0", "3.1"])),
        wants_headers=fields.get("wants_headers", False),
        rows=fields.get("rows", False),
        run_batch=fields.get("run_batch", False),
        reads_json=fields.get("reads_json", False),
    )


def _value(fields: Mapping[str, Any]) -> Value:
    return Value(
        name=fields["name"],
        kind=fields["kind"],
        required=fields.get("required", True),
        dtype=fields.get("dtype", ""),
        shape=tuple(fields.get("shape", [])),
        columns=tuple((name, dtype) for name, dtype in fields.get("columns", [])),
        orient=fields.get("orient", ""),
        enforces_shape=fields.get("enforces_shape", True),
    )
