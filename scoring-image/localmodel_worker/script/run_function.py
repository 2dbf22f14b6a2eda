"""The contract of a script's run(): which input it takes, found out once when the script is loaded."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Callable, Optional

from localmodel_worker.aml.aml_request import is_rawhttp
from localmodel_worker.client_errors import BadRequestError
from localmodel_worker.script import json_shortcut, schema
from localmodel_worker.script.schema import Parameter
from localmodel_worker.script.stateful import keeps_state

_HEADERS = "request_headers"
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class ContractError(Exception):
    """run() cannot be called as a scoring server calls it; the text says why."""


class RunFunction:
    """run(), with the mode that its decorators choose: `text`, `schema` or `http`.

    Rules as in Azure ML's inference server: named parameters only, the first one is the data, one of the name
    `request_headers` gets the headers, and with a schema every parameter is data.
    """

    def __init__(self, function: Callable[..., Any], module: ModuleType) -> None:
        """Read the contract.

        Raises:
            ContractError
        """
        self.call = function
        self.code = getattr(inspect.unwrap(function), "__code__", None)
        signature = _signature(function)
        names = list(signature) or ["raw_data"]
        self.wants_headers = _HEADERS in names
        data = [name for name in names if name != _HEADERS]
        if not data:
            raise ContractError("run() needs a parameter for the data besides request_headers")
        self.first = data[0]
        self.mode = _mode(function)
        self.defaults = {
            name: parameter.default for name, parameter in signature.items() if parameter.default is not parameter.empty
        }
        self.parameters = self._read_parameters(data)
        self._check_rest(data)
        self.call_batch: Any = getattr(module, "run_batch", None)
        self.reads_json = self.mode == "text" and json_shortcut.is_used_by(module)

    def _read_parameters(self, names: list[str]) -> dict[str, Parameter]:
        if self.mode != "schema":
            return {}
        types = schema.read_parameter_types(self.call)
        unknown = [name for name, (_, optional) in types.items() if name not in names and not optional]
        if unknown:
            raise ContractError(f"@input_schema is for {', '.join(unknown)}, but run() has no such parameter")
        return {name: Parameter(name, name not in self.defaults, *types.get(name, (None,))) for name in names}

    def _check_rest(self, data: list[str]) -> None:
        if self.mode == "schema":
            return
        for name in data[1:]:
            if name not in self.defaults:
                raise ContractError(f"the parameter {name} never gets a value: run() gets all data in {self.first}")

    @property
    def takes_rows(self) -> bool:
        """Whether the rows of several requests may be given to one call."""
        parameters = list(self.parameters.values())
        return (
            len(parameters) == 1
            and parameters[0].is_matrix
            and not self.wants_headers
            and not keeps_state(inspect.unwrap(self.call))
        )

    def describe(self) -> dict[str, Any]:
        """What the server is told of the contract, in a hello."""
        description: dict[str, Any] = {
            "mode": self.mode,
            "parameters": [parameter.describe() for parameter in self.parameters.values()],
            "wants_headers": self.wants_headers,
            "rows": self.takes_rows,
            "run_batch": self.mode == "text" and callable(self.call_batch) and not self.wants_headers,
            "reads_json": self.reads_json,
        }
        if self.mode == "schema":
            description.update(schema.swagger(self.call))
        return description

    def from_json(self, body: bytearray) -> dict[str, Any]:
        """The arguments in a JSON object, by parameter name.

        Raises:
            BadRequestError
        """
        if not body:
            raise BadRequestError(f"the request's body is empty; expected a JSON object with {self._wanted()}")
        try:
            given = json.loads(body)
        except json.JSONDecodeError as error:
            raise BadRequestError(f"the request's body is not JSON: {error}") from error
        except UnicodeDecodeError:
            raise BadRequestError("the request's body is not UTF-8 text") from None
        except ValueError:  # Python's words are for programmers
            raise BadRequestError("a number in the request's body has too many digits") from None
        except RecursionError:
            raise BadRequestError("the request's body is nested too deeply") from None
        if not isinstance(given, dict):
            raise BadRequestError(f"expected a JSON object with {self._wanted()}, got {_json_type(given)}")
        missing = [name for name, parameter in self.parameters.items() if parameter.required and name not in given]
        if missing:
            raise BadRequestError(f"{', '.join(missing)}: missing; expected a JSON object with {self._wanted()}")
        return {name: given.get(name, self.defaults.get(name)) for name in self.parameters}

    def from_arrays(self, arrays: list[list[Any]], body: bytearray) -> dict[str, Any]:
        """The arguments in typed arrays; those of a table are its columns.

        Raises:
            BadRequestError
        """
        import numpy  # the user's; a schema with arrays has imported it already

        arguments: dict[str, Any] = {}
        offset = 0
        for name, dtype, shape in arrays:
            if name not in self.parameters:
                raise BadRequestError(f"{name}: run() has no such parameter; expected {self._wanted()}")
            array = numpy.frombuffer(body, dtype, count=_count(shape), offset=offset).reshape(shape)
            offset += array.nbytes
            arguments[name] = schema.to_parameter(self.parameters[name], array)
        missing = [name for name, parameter in self.parameters.items() if parameter.required and name not in arguments]
        if missing:
            raise BadRequestError(f"{', '.join(missing)}: missing; expected {self._wanted()}")
        return arguments

    def from_text(self, body: bytearray) -> dict[str, Any]:
        """The arguments in a text.

        Raises:
            BadRequestError
        """
        try:
            return {self.first: body.decode()}
        except UnicodeDecodeError as error:
            where = f"{error.reason} at byte {error.start}"
            raise BadRequestError(f"the request's body is not UTF-8 text: {where}") from error

    def with_headers(self, arguments: dict[str, Any], headers: list[list[str]]) -> dict[str, Any]:
        """The arguments and, for a run() that asks for them, the request's headers."""
        if self.wants_headers:
            from localmodel_worker.aml.header_map import request_headers

            arguments[_HEADERS] = dict(request_headers((name, value) for name, value in headers))
        return arguments

    def _wanted(self) -> str:
        return ", ".join(
            name if parameter.required else f"{name} (optional)" for name, parameter in self.parameters.items()
        )


def _mode(function: Callable[..., Any]) -> str:
    decorated = schema.is_decorated(function)
    if is_rawhttp(function):
        if decorated:
            raise ContractError("run() cannot have both @rawhttp and @input_schema")
        return "http"
    return "schema" if decorated else "text"


def _signature(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # written in C, without a signature to read
        return {}
    for parameter in parameters.values():
        if parameter.kind not in _NAMED:
            raise ContractError("run() cannot have *args, **kwargs or positional-only parameters")
    if not parameters:
        raise ContractError("run() needs a parameter for the data")
    return parameters


def _count(shape: list[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _json_type(value: Any) -> str:
    names: list[tuple[type, str]] = [(list, "a list"), (str, "a string"), (bool, "a boolean")]
    word: Optional[str] = next((name for kind, name in names if isinstance(value, kind)), None)
    return word or ("null" if value is None else "a number")
