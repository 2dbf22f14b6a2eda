"""The parameters that a request may give beside the data, and the lines of the script that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localmodel.no_code.source import RESPONSE, STANDARD, quoted

IMPORTS = (RESPONSE, "import json")
DECORATOR_IMPORTS = (STANDARD,)
# The first lines of run(): what a request may give wrongly is its sender's error.
LINES = (
    "try:",
    "    params = read_params(params)",
    "except ValueError as error:",
    '    return AMLResponse({"message": f"params: {error}"}, 400, json_str=True)',
)
DECORATOR = '@input_schema("params", StandardPythonParameterType(PARAMS), optional=True)'
_READ = '''
JSON_TYPES = {"boolean": (bool,), "integer": (int,), "number": (int, float), "string": (str,)}


def has_type(value, kind):
    if kind.startswith("list of "):
        return isinstance(value, list) and all(has_type(item, kind.removeprefix("list of ")) for item in value)
    return type(value) in JSON_TYPES[kind]


def read_params(given):
    """The parameters: those of the request, and for the others their defaults."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise ValueError("must be an object")
    for name, value in given.items():
        if name not in PARAMS:
            raise ValueError(f"{name} is not one of {', '.join(PARAMS)}")
        if name in TYPES and not has_type(value, TYPES[name]):
            raise ValueError(f"{name} must be of type {TYPES[name]}, not {json.dumps(value)}")
    return {**PARAMS, **given}
'''


@dataclass(frozen=True)
class Parameter:
    """A parameter with its default. `kind` is a type of JSON, `list of` one, or "" for any value."""

    name: str
    default: Any
    kind: str = ""


def functions(parameters: Sequence[Parameter]) -> str:
    """The part of the script that reads the parameters of a request."""
    defaults = {parameter.name: parameter.default for parameter in parameters}
    types = {parameter.name: parameter.kind for parameter in parameters if parameter.kind}
    return f"PARAMS = {quoted(defaults)}\nTYPES = {quoted(types)}\n{_READ.lstrip()}"
