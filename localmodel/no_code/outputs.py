"""Samples of what a model answers, and the lines of the script that declare them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from localmodel.no_code.inputs import Array, value
from localmodel.no_code.source import SCHEMA, STANDARD, quoted

_IMPORTS = (STANDARD, SCHEMA.format("output_schema"))
_BY_METHOD = """
if METHOD in ANSWERS:
    run = output_schema(StandardPythonParameterType(ANSWERS[METHOD]))(run)
"""


class OutputSchema(NamedTuple):
    """Lines of the script: `sample` before run(), `decorators` above it, `after` behind it."""

    imports: tuple[str, ...] = ()
    sample: str = ""
    decorators: tuple[str, ...] = ()
    after: str = ""


def sample(array: Array) -> Any:
    """An array with one item in each dimension."""
    item = value(array.dtype)
    for _ in array.shape:
        item = [item]
    return item


def of_samples(samples: Mapping[str, Any]) -> OutputSchema:
    """The schema of the answers, of which there are samples by method; "" stands for the only one."""
    if not samples:
        return OutputSchema()
    if "" in samples:
        decorator = f"@output_schema(StandardPythonParameterType({quoted(samples[''])}))"
        return OutputSchema(_IMPORTS, decorators=(decorator,))
    return OutputSchema(_IMPORTS, f"ANSWERS = {quoted(dict(samples))}", after=_BY_METHOD.strip())
