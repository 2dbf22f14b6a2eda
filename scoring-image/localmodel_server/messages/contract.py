"""What a loaded entry script takes and returns, as its worker has told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Value:
    """A parameter of run(), or its result, as a schema declares it.

    kind is `numpy`, `pandas`, `standard` or `other`. A numpy value has dtype (`float64`) and the
    sample's shape with -1 for rows; a pandas value has columns (name, dtype) and orient.
    """

    name: str
    kind: str
    required: bool = True
    dtype: str = ""
    shape: tuple[int, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    orient: str = ""


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
    told = hello.get("contract", {})
    output = told.get("output")
    return Contract(
        mode=told.get("mode", "text"),
        parameters=tuple(_value(each) for each in told.get("parameters", [])),
        output=None if output is None else _value(output),
        swagger=told.get("swagger", {}),
        versions=tuple(told.get("versions", ["2.0", "3.0", "3.1"])),
        wants_headers=told.get("wants_headers", False),
        rows=told.get("rows", False),
        run_batch=told.get("run_batch", False),
        reads_json=told.get("reads_json", False),
    )


def _value(told: Mapping[str, Any]) -> Value:
    return Value(
        name=told["name"],
        kind=told["kind"],
        required=told.get("required", True),
        dtype=told.get("dtype", ""),
        shape=tuple(told.get("shape", [])),
        columns=tuple((name, dtype) for name, dtype in told.get("columns", [])),
        orient=told.get("orient", ""),
    )
