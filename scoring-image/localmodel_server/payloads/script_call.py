"""Turns the values of a request of any dialect into a call of the script."""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call, Headers
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.payloads.azure import ScoreRequest
from localmodel_server.payloads.json_text import dump
from localmodel_server.payloads.tables import Table, from_columns, from_records, in_orient, is_records

# What describes the body that the client sent; the script's is another one.
_BODY_HEADERS = frozenset(
    {b"content-type", b"content-length", b"content-encoding", b"transfer-encoding", b"inference-header-content-length"}
)


class SingleValue(NamedTuple):
    """One value without a name."""

    value: Any


class NamedValues(NamedTuple):
    """Values by name."""

    values: dict[str, Any]


Inputs = Union[SingleValue, NamedValues, Table]


class Target(NamedTuple):
    """The script that the call is for; input_key is where an undecorated script looks for values without a name."""

    contract: Contract
    input_key: str = "data"


def call_script(target: Target, given: Inputs, headers: Headers, params: Any | None = None) -> Call:
    """The call that gives a script these values, and params when it has a parameter of that name.

    Raises:
        BadRequestError: they do not fit the parameters of run().
    """
    if target.contract.mode == "schema":
        body = dump(arguments(target.contract.parameters, given, params))
    else:
        body = dump(_as_json(target.input_key, given))
    # As if it had come to /score, which has ways to make such a call cheap.
    return ScoreRequest("POST", b"", _headers_of_json(headers, len(body)), body, strict=False).call(target.contract)


def arguments(parameters: tuple[Value, ...], given: Inputs, params: Any | None = None) -> dict[str, Any]:
    """The JSON value of each parameter of run().

    Raises:
        BadRequestError
    """
    extra = {}
    if params is not None and len(parameters) > 1 and any(parameter.name == "params" for parameter in parameters):
        extra["params"] = params
        parameters = tuple(parameter for parameter in parameters if parameter.name != "params")
    only = only_parameter(parameters)
    if only is not None and not (
        isinstance(given, NamedValues) and any(parameter.name in given.values for parameter in parameters)
    ):
        return {only.name: _sole_argument(only, given), **extra}
    if isinstance(given, SingleValue):
        if not is_records(given.value):
            raise BadRequestError(400, f"run() takes {_names(parameters)}: give each by name")
        given = from_records(given.value)
    columns = given.values if isinstance(given, NamedValues) else _columns(given)
    return {**_named_arguments(parameters, columns), **extra}


def only_parameter(parameters: tuple[Value, ...]) -> Value | None:
    """The parameter that takes a value without a name: the only one, or the only one that must be given."""
    if len(parameters) == 1:
        return parameters[0]
    required = [parameter for parameter in parameters if parameter.required]
    return required[0] if len(required) == 1 else None


def check_names(parameters: tuple[Value, ...], names: set[str]) -> None:
    """Check that every name is a parameter's, and that every required parameter is named.

    Raises:
        BadRequestError
    """
    unknown = names - {parameter.name for parameter in parameters}
    missing = {parameter.name for parameter in parameters if parameter.required} - names
    if unknown or missing:
        wrong = [f"{name} is not one of them" for name in sorted(unknown)]
        wrong += [f"{name} is missing" for name in sorted(missing)]
        raise BadRequestError(400, f"run() takes {_names(parameters)}: {', '.join(wrong)}")


def _headers_of_json(headers: Headers, length: int) -> Headers:
    others = [header for header in headers if header[0] not in _BODY_HEADERS]
    return [*others, (b"content-type", b"application/json"), (b"content-length", str(length).encode())]


def _as_json(key: str, given: Inputs) -> Any:
    if isinstance(given, SingleValue):
        return {key: given.value}
    if isinstance(given, NamedValues):
        return given.values
    index = {} if given.labels is None else {"index": given.labels}
    return {"columns": given.columns, **index, key: given.rows}


def _sole_argument(parameter: Value, given: Inputs) -> Any:
    if isinstance(given, SingleValue):
        return _argument(parameter, given.value)
    if parameter.kind == "pandas":
        return _frame(parameter, given if isinstance(given, Table) else _table_of_columns(given.values))
    if isinstance(given, NamedValues) and parameter.kind == "numpy":
        if len(given.values) == 1:
            return _argument(parameter, next(iter(given.values.values())))
        raise BadRequestError(400, f"run() takes one array, {parameter.name}, but got {', '.join(given.values)}")
    if isinstance(given, NamedValues):
        return given.values
    return _rows(given) if parameter.kind == "numpy" else _records(given)


def _named_arguments(parameters: tuple[Value, ...], named: dict[str, Any]) -> dict[str, Any]:
    frames = [parameter for parameter in parameters if parameter.kind == "pandas"]
    if len(frames) == 1 and frames[0].name not in named:
        # What no other parameter takes are the columns of the only table.
        others = {parameter.name for parameter in parameters} - {frames[0].name}
        columns = {name: values for name, values in named.items() if name not in others}
        rest = tuple(parameter for parameter in parameters if parameter.name in others)
        remaining = {name: values for name, values in named.items() if name in others}
        return {**_named_arguments(rest, remaining), frames[0].name: _frame(frames[0], _table_of_columns(columns))}
    check_names(parameters, set(named))
    return {
        parameter.name: _argument(parameter, named[parameter.name])
        for parameter in parameters
        if parameter.name in named
    }


def _argument(parameter: Value, value: Any) -> Any:
    if parameter.kind == "pandas":
        return _frame(parameter, _table_of_rows(parameter, value))
    if parameter.kind == "numpy" and is_records(value):
        return _rows(from_records(value))
    return value


def _frame(parameter: Value, table: Table) -> Any:
    expected = len(parameter.columns)
    if expected and parameter.enforces_shape and len(table.columns) != expected:
        names = ", ".join(name for name, _ in parameter.columns)
        raise BadRequestError(400, f"{parameter.name} has the {expected} columns {names}, got {len(table.columns)}")
    return in_orient(table, parameter)


def _table_of_rows(parameter: Value, value: Any) -> Table:
    if is_records(value):
        return from_records(value)
    if not isinstance(value, list):
        raise BadRequestError(400, f"{parameter.name} must be a list of rows")
    names = [name for name, _ in parameter.columns]
    rows = [row if isinstance(row, list) else [row] for row in value]
    for number, row in enumerate(rows):
        if len(row) != len(names):
            raise BadRequestError(
                400, f"{parameter.name} has {len(names)} columns, but row {number} has {len(row)} values"
            )
    return Table(names, rows)


def _table_of_columns(columns: dict[str, Any]) -> Table:
    return from_columns({name: _column(name, values) for name, values in columns.items()})


def _column(name: str, values: Any) -> list[Any]:
    """A column; one that comes as rows of one value each is flattened."""
    if not isinstance(values, list):
        raise BadRequestError(400, f"the column {name} must be a list of values")
    if values and all(isinstance(row, list) and len(row) == 1 for row in values):
        return [row[0] for row in values]
    return values


def _rows(table: Table) -> list[Any]:
    """The rows as an array's; those of the only column when its values are lists themselves."""
    if len(table.columns) == 1 and all(isinstance(row[0], list) for row in table.rows):
        return [row[0] for row in table.rows]
    return table.rows


def _columns(table: Table) -> dict[str, Any]:
    return {name: [row[position] for row in table.rows] for position, name in enumerate(table.columns)}


def _records(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row)) for row in table.rows]


def _names(parameters: tuple[Value, ...]) -> str:
    return ", ".join(parameter.name for parameter in parameters) or "nothing"
