"""KServe V1: a `:predict` request as a call of the script, and its answer."""

from __future__ import annotations

import orjson

from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call, Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import NOTHING, Cost, of_json
from localmodel_server.payloads.decoded import DecodedRequest, EncodedAnswer
from localmodel_server.payloads.json_text import load_object
from localmodel_server.payloads.script_call import NamedValues, SingleValue, Target, call_script


def cost(body: bytes, headers: Headers, contract: Contract, enough: int) -> Cost:
    """Estimate what decoding the body costs."""
    return of_json(body, enough)


def read(body: bytes, headers: Headers, target: Target) -> DecodedRequest:
    """Decode a whole request.

    Raises:
        BadRequestError
    """
    return DecodedRequest(decode(body, headers, target), answer, cost_of_result)


def answer(outcome: Outcome, result: bytes, contract: Contract) -> EncodedAnswer:
    """The answer to a successful call."""
    return EncodedAnswer(encode(result), [(b"content-type", b"application/json")])


def decode(body: bytes, headers: Headers, target: Target) -> Call:
    """Read the body of a predict request: `instances`, a list of rows, or `inputs`.

    Raises:
        BadRequestError
    """
    content = load_object(body)
    if ("instances" in content) == ("inputs" in content):
        raise BadRequestError(400, "the body must have either instances or inputs")
    if "inputs" in content:
        inputs = content["inputs"]
        return call_script(target, NamedValues(inputs) if isinstance(inputs, dict) else SingleValue(inputs), headers)
    if not isinstance(content["instances"], list):
        raise BadRequestError(400, "instances must be a list")
    return call_script(target, SingleValue(content["instances"]), headers)


def cost_of_result(body: bytes, enough: int) -> Cost:
    """Estimate what encoding the answer costs."""
    return of_json(body, enough) if _may_be_whole(body) else NOTHING


def encode(body: bytes) -> bytes:
    """Put the result under `predictions`, unless the script has done so, as scripts for KServe do."""
    if _may_be_whole(body):
        try:
            if "predictions" in orjson.loads(body):
                return body
        except ValueError:  # NaN, which is not JSON
            pass
    return b'{"predictions":' + body + b"}"


def _may_be_whole(body: bytes) -> bool:
    # Not parsed unless it may be such a script's: the result may be large.
    return body.lstrip()[:1] == b"{" and b'"predictions"' in body
