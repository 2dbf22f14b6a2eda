"""An infer request of the Open Inference Protocol, with Triton's binary tensors, as a call of the script."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from localmodel_server.dialects.oip.tensors import (
    NUMERIC,
    Tensor,
    binary,
    check_empty,
    datatype_of,
    flat,
    from_binary,
    from_json,
    nested,
    read_shape,
)
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Array, Call, Headers
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.messages.cost import NOTHING, SHORT, Cost, of_json
from localmodel_server.payloads.json_text import load, load_object
from localmodel_server.payloads.script_call import (
    NamedValues,
    SingleValue,
    Target,
    arguments,
    call_script,
    check_names,
    only_parameter,
)

HEADER_LENGTH = b"inference-header-content-length"
# Bytes of memory for one of binary data, where a list is made of it.
_EXPANDED = 40


class WantedOutputs(NamedTuple):
    """The outputs that the client wants, by name, and whether in binary; none means all of them."""

    id: str | None
    outputs: dict[str, bool]
    binary: bool


def decode(body: bytes, headers: Headers, target: Target) -> tuple[Call, WantedOutputs]:
    """Read the body of an infer request; headers have names in lower case.

    Raises:
        BadRequestError
    """
    given = dict(headers).get(HEADER_LENGTH)
    length = len(body) if given is None else _header_length(given, len(body))
    if length == 0 and given is not None:
        tensor = _raw_tensor(body, target.contract)
        return _call([tensor], headers, target), WantedOutputs(None, {}, True)
    # A float in place of a long number is what it is in a tensor of floats, and not taken in one of integers.
    content = load_object(body[:length], exactly=False)
    wanted = _read_wanted(content)
    tensors = _read_inputs(content.get("inputs"), memoryview(body)[length:])
    return _call(tensors, headers, target), wanted


def cost(body: bytes, headers: Headers, contract: Contract, enough: int) -> Cost:
    """Estimate what decoding the body costs: binary tensors become lists unless numpy takes all of them."""
    if len(body) <= SHORT:
        return NOTHING
    given = dict(headers).get(HEADER_LENGTH, b"")
    length = min(int(given), len(body)) if given.isdigit() and len(given) <= 18 else len(body)
    head = of_json(body[:length] if length < len(body) else body, enough)
    stays = _takes_numbers(contract) and b"BYTES" not in body[:length] and b"\\" not in body[:length]
    return head if stays else Cost(head.least, head.most + (len(body) - length) * _EXPANDED)


def _takes_numbers(contract: Contract) -> bool:
    return contract.mode == "schema" and all(
        parameter.kind == "numpy" and datatype_of(parameter.dtype) in NUMERIC for parameter in contract.parameters
    )


def _header_length(given: bytes, size: int) -> int:
    if not given.isdigit() or len(given) > 18 or int(given) > size:
        raise BadRequestError(400, f"Inference-Header-Content-Length must be a number of bytes, at most {size}")
    return int(given)


def _raw_tensor(body: bytes, contract: Contract) -> Tensor:
    """A body without any JSON: the bytes of the only tensor, whose shape follows from the schema."""
    only = only_parameter(contract.parameters) if contract.mode == "schema" else None
    if only is None:
        return Tensor("input-0", "BYTES", (1,), values=[_text(body)])
    datatype = datatype_of(only.dtype)
    if only.kind != "numpy" or datatype not in NUMERIC or only.shape.count(-1) > 1:
        raise BadRequestError(400, f"the shape of {only.name} cannot be told from bytes alone: send the inputs in JSON")
    row = NUMERIC[datatype].size
    for size in only.shape:
        row *= 1 if size == -1 else size
    rows = len(body) // row if row else 0
    return from_binary(only.name, datatype, tuple(rows if size == -1 else size for size in only.shape), body)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadRequestError(400, "the body is not UTF-8 text, and this script takes text") from None


def _read_wanted(content: dict[str, Any]) -> WantedOutputs:
    given_id = content.get("id")
    if not isinstance(given_id, (str, type(None))):
        raise BadRequestError(400, "id must be a string")
    binary = _parameters(content, "the request").get("binary_data_output", False) is True
    outputs: dict[str, bool] = {}
    for output in _objects(content.get("outputs", []), "outputs"):
        parameters = _parameters(output, f"output {output['name']}")
        if "classification" in parameters:
            raise BadRequestError(400, f"output {output['name']}: classification is not supported")
        outputs[output["name"]] = parameters.get("binary_data", binary) is True
    return WantedOutputs(given_id, outputs, binary)


def _read_inputs(given: Any, rest: memoryview) -> list[Tensor]:
    tensors = []
    position = 0
    for item in _objects(given, "inputs"):
        name, datatype, shape = item["name"], item.get("datatype"), read_shape(item["name"], item.get("shape"))
        if not isinstance(datatype, str):
            raise BadRequestError(400, f"tensor {name}: datatype must be a string")
        size = _parameters(item, f"tensor {name}").get("binary_data_size")
        if size is None:
            tensors.append(from_json(name, datatype, shape, item.get("data")))
            continue
        if type(size) is not int or not 0 <= size <= len(rest) - position:
            left = len(rest) - position
            raise BadRequestError(400, f"tensor {name}: binary_data_size must be a number of bytes, at most {left}")
        tensors.append(from_binary(name, datatype, shape, rest[position : position + size]))
        position += size
    if position != len(rest):
        raise BadRequestError(400, f"{len(rest) - position} bytes of binary data belong to no input")
    if not tensors:
        raise BadRequestError(400, "there are no inputs")
    check_empty(tensor.shape for tensor in tensors)
    return tensors


def _objects(given: Any, what: str) -> list[dict[str, Any]]:
    """Read a list of objects with different names."""
    if not isinstance(given, list):
        raise BadRequestError(400, f"{what} must be a list")
    names: set[str] = set()
    for item in given:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or name in names:
            raise BadRequestError(400, f"{what} must be objects, each with a name of its own")
        names.add(name)
    return given


def _parameters(given: dict[str, Any], what: str) -> dict[str, Any]:
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise BadRequestError(400, f"{what}: parameters must be an object")
    return parameters


def _call(tensors: list[Tensor], headers: Headers, target: Target) -> Call:
    if target.contract.mode == "schema":
        named = _by_parameter(tensors, target.contract.parameters)
        if named is not None:
            arrays = tuple(Array(name, NUMERIC[tensor.datatype].dtype, tensor.shape) for name, tensor in named.items())
            return Call("arrays", b"".join(binary(tensor) for tensor in named.values()), arrays, headers)
    only = only_parameter(target.contract.parameters)
    if len(tensors) == 1 and (only is not None or target.contract.mode != "schema"):
        return call_script(target, SingleValue(_value(tensors[0], only, target.contract)), headers)
    if _takes_numbers(target.contract):  # lists are made of these only for whom there is a parameter
        arguments(target.contract.parameters, NamedValues({tensor.name: [] for tensor in tensors}))
    parameters = {parameter.name: parameter for parameter in target.contract.parameters}
    values = {tensor.name: _value(tensor, parameters.get(tensor.name), target.contract) for tensor in tensors}
    return call_script(target, NamedValues(values), headers)


def _value(tensor: Tensor, parameter: Value | None, contract: Contract) -> Any:
    """The nested lists of a tensor, or the bare value where the schema has no list."""
    if parameter is None or parameter.kind != "standard" or math.prod(tensor.shape) != 1:
        return nested(tensor)
    schema = contract.swagger.get("input", {}).get("properties", {}).get(parameter.name, {})
    if schema.get("type", "array") == "array":
        return nested(tensor)
    value = flat(tensor)[0]
    if schema["type"] != "object":
        return value
    try:
        return load(str(value).encode())
    except ValueError as error:
        raise BadRequestError(400, f"tensor {tensor.name} must hold the JSON text of an object: {error}") from None


def _by_parameter(tensors: list[Tensor], parameters: tuple[Value, ...]) -> dict[str, Tensor] | None:
    """The tensors by parameter when all are numbers for numpy parameters, which need no JSON; otherwise None."""
    only = only_parameter(parameters)
    named = (
        {only.name: tensors[0]}
        if only is not None and len(tensors) == 1
        else {tensor.name: tensor for tensor in tensors}
    )
    kinds = {parameter.name: parameter for parameter in parameters}
    for name, tensor in named.items():
        parameter = kinds.get(name)
        if parameter is None or parameter.kind != "numpy" or datatype_of(parameter.dtype) not in NUMERIC:
            return None
        if tensor.datatype not in NUMERIC or not tensor.shape:
            return None
    check_names(parameters, set(named))
    return named
