"""MLflow's dialect of /invocations; what has no key of MLflow's in it is SageMaker's."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

import localmodel_server
from localmodel_server.call import Call, Headers, Outcome
from localmodel_server.contract import Contract
from localmodel_server.dialects import kserve_v1, sagemaker
from localmodel_server.dialects.bad_request import BadRequest
from localmodel_server.dialects.json_text import load_request
from localmodel_server.dialects.script_call import Given, Named, One, Target, call_script
from localmodel_server.dialects.tables import from_csv, from_split, is_records
from localmodel_server.dialects.transport import Answer, Dialect, Reading, answer, failure, respond
from localmodel_server.state import ServerState

_ERROR_CODES = {400: "BAD_REQUEST", 415: "BAD_REQUEST", 413: "BAD_REQUEST", 503: "TEMPORARILY_UNAVAILABLE"}
KEYS = ("dataframe_split", "dataframe_records", "instances", "inputs", "input_data")


class Invocation(NamedTuple):
    """A call, and whether the client expects the result under ``predictions``."""

    call: Call
    predictions: bool


def decode(body: bytes, headers: Headers, target: Target) -> Invocation:
    """Read the body of an invocation by its content type; raises BadRequest."""
    content_type = dict(headers).get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if content_type == "text/csv":
        return Invocation(call_script(target, from_csv(_text(body)), headers), True)
    if content_type == "application/json":
        return _decode_json(body, headers, target)
    if target.contract.mode == "http":
        return Invocation(sagemaker.decode(body, headers, target), False)
    given = content_type or "missing"
    raise BadRequest(415, f"the content type must be application/json or text/csv, and it is {given}")


def _decode_json(body: bytes, headers: Headers, target: Target) -> Invocation:
    content = load_request(body)
    keys = [key for key in KEYS if key in content] if isinstance(content, dict) else []
    if not keys:
        return Invocation(sagemaker.decode(body, headers, target), False)
    if len(keys) > 1:
        raise BadRequest(400, f"the body must have exactly one of {', '.join(KEYS)}, and has {', '.join(keys)}")
    given = _given(keys[0], content[keys[0]])
    return Invocation(call_script(target, given, headers, content.get("params")), True)


def _given(key: str, value: Any) -> Given:
    if key == "dataframe_split" or (key == "input_data" and isinstance(value, dict) and "columns" in value):
        if not isinstance(value, dict):
            raise BadRequest(400, f"{key} must be an object with the lists columns and data")
        return One(value.get("data")) if value.get("columns") is None else from_split(key, value)
    if key == "dataframe_records" and not (is_records(value) or value == []):
        raise BadRequest(400, "dataframe_records must be a list of objects")
    if key == "instances" and not isinstance(value, list):
        raise BadRequest(400, "instances must be a list")
    return Named(value) if isinstance(value, dict) else One(value)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(400, f"the body is not UTF-8 text: {error.reason} at byte {error.start}") from None


def _error_body(status: int, message: str) -> bytes:
    return orjson.dumps({"error_code": _ERROR_CODES.get(status, "INTERNAL_ERROR"), "message": message})


_DIALECT = Dialect("mlflow", _error_body)


def router(state: ServerState) -> APIRouter:
    """POST /invocations, GET /version, GET /health."""
    routes = APIRouter()

    @routes.post("/invocations")
    async def invocations(request: Request) -> Response:
        """Run the model on a body of MLflow or SageMaker."""
        return await answer(state, request, _DIALECT, _read)

    @routes.get("/version")
    async def version() -> Response:
        """The server's version."""
        return respond(200, localmodel_server.__version__.encode(), [(b"content-type", b"text/plain; charset=utf-8")])

    @routes.get("/health")
    async def health() -> Response:
        """Whether the model can answer."""
        reason = state.unready_reason()
        if reason is not None:
            return failure(_DIALECT, 503, reason)
        return respond(200, b"\n", [(b"content-type", b"text/plain; charset=utf-8")])

    return routes


def _read(body: bytes, headers: Headers, target: Target) -> Reading:
    invocation = decode(body, headers, target)
    return Reading(invocation.call, _encode if invocation.predictions else None)


def _encode(outcome: Outcome, result: bytes, contract: Contract) -> Answer:
    return Answer(kserve_v1.encode(result), [(b"content-type", b"application/json")])
