"""A body of MLflow on /invocations as a call of the script; what has no key of MLflow's in it is SageMaker's."""

from __future__ import annotations

from typing import Any, NamedTuple

from localmodel_server.dialects import predict_request
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call, Headers
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import NOTHING, Cost, of_csv, of_json
from localmodel_server.payloads.azure import ScoreRequest
from localmodel_server.payloads.decoded import DecodedRequest
from localmodel_server.payloads.json_text import load_request
from localmodel_server.payloads.script_call import Inputs, NamedValues, SingleValue, Target, call_script
from localmodel_server.payloads.tables import from_csv, from_split, is_records

KEYS = ("dataframe_split", "dataframe_records", "instances", "inputs", "input_data")


class Invocation(NamedTuple):
    """A call, and whether the client expects the result under `predictions`."""

    call: Call
    predictions: bool


def cost(body: bytes, headers: Headers, contract: Contract, enough: int) -> Cost:
    """Estimate what decoding the body costs."""
    of_type = {"text/csv": of_csv, "application/json": of_json}.get(_content_type(headers))
    return NOTHING if of_type is None else of_type(body, enough)


def read(body: bytes, headers: Headers, target: Target) -> DecodedRequest:
    """Decode a whole request.

    Raises:
        BadRequestError
    """
    invocation = decode(body, headers, target)
    encode = predict_request.answer if invocation.predictions else None
    return DecodedRequest(invocation.call, encode, predict_request.cost_of_result)


def decode(body: bytes, headers: Headers, target: Target) -> Invocation:
    """Read the body of an invocation by its content type.

    Raises:
        BadRequestError
    """
    content_type = _content_type(headers)
    if content_type == "text/csv":
        return Invocation(call_script(target, from_csv(_text(body)), headers), True)
    if content_type == "application/json":
        return decode_json(body, headers, target)
    if target.contract.mode == "http":
        return Invocation(pass_on(body, headers, target), False)
    given = content_type or "missing"
    raise BadRequestError(415, f"the content type must be application/json or text/csv, not {given}")


def decode_json(body: bytes, headers: Headers, target: Target) -> Invocation:
    """Read a body in JSON.

    Raises:
        BadRequestError
    """
    content = load_request(body)
    keys = [key for key in KEYS if key in content] if isinstance(content, dict) else []
    if not keys:
        return Invocation(pass_on(body, headers, target), False)
    if len(keys) > 1:
        raise BadRequestError(400, f"the body must have exactly one of {', '.join(KEYS)}, but has {', '.join(keys)}")
    given = _given(keys[0], content[keys[0]])
    return Invocation(call_script(target, given, headers, content.get("params")), True)


def _given(key: str, value: Any) -> Inputs:
    if key == "dataframe_split" or (key == "input_data" and isinstance(value, dict) and "columns" in value):
        if not isinstance(value, dict):
            raise BadRequestError(400, f"{key} must be an object with the lists columns and data")
        return SingleValue(value.get("data")) if value.get("columns") is None else from_split(key, value)
    if key == "dataframe_records" and not (is_records(value) or value == []):
        raise BadRequestError(400, "dataframe_records must be a list of objects")
    if key == "instances" and not isinstance(value, list):
        raise BadRequestError(400, "instances must be a list")
    return NamedValues(value) if isinstance(value, dict) else SingleValue(value)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadRequestError(400, f"the body is not UTF-8 text: {error.reason} at byte {error.start}") from None


def pass_on(body: bytes, headers: Headers, target: Target) -> Call:
    """Read a body as /score does, which is what SageMaker's clients expect.

    Raises:
        BadRequestError
    """
    return ScoreRequest("POST", b"", headers, body, strict=False).call(target.contract)


def _content_type(headers: Headers) -> str:
    return dict(headers).get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
