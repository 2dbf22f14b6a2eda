"""Version 1 of KServe's protocol, as TensorFlow Serving had it."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from localmodel_server.call import Call, Headers, Outcome
from localmodel_server.contract import Contract
from localmodel_server.dialects.bad_request import BadRequest
from localmodel_server.dialects.json_text import load_object
from localmodel_server.dialects.script_call import Named, One, Target, call_script
from localmodel_server.dialects.served_model import check_model, model_name
from localmodel_server.dialects.transport import Answer, Dialect, Reading, answer, failure, refusal, respond
from localmodel_server.dispatcher import Unavailable
from localmodel_server.state import ServerState

_JSON: Headers = [(b"content-type", b"application/json")]


def decode(body: bytes, headers: Headers, target: Target) -> Call:
    """Read the body of a predict request: ``instances``, a list of rows, or ``inputs``. Raises BadRequest."""
    content = load_object(body)
    if ("instances" in content) == ("inputs" in content):
        raise BadRequest(400, "the body must have either instances or inputs")
    if "inputs" in content:
        inputs = content["inputs"]
        return call_script(target, Named(inputs) if isinstance(inputs, dict) else One(inputs), headers)
    if not isinstance(content["instances"], list):
        raise BadRequest(400, "instances must be a list")
    return call_script(target, One(content["instances"]), headers)


def encode(body: bytes) -> bytes:
    """The result under ``predictions``, where a script that was written for KServe has put it itself."""
    # Not parsed unless it may be such a script's: the result may be large.
    if body.lstrip()[:1] == b"{" and b'"predictions"' in body:
        try:
            if "predictions" in orjson.loads(body):
                return body
        except ValueError:  # NaN, which is not JSON
            pass
    return b'{"predictions":' + body + b"}"


def _error_body(status: int, message: str) -> bytes:
    return orjson.dumps({"error": message})


_DIALECT = Dialect("kserve_v1", _error_body)


def router(state: ServerState) -> APIRouter:
    """The routes under /v1."""
    routes = APIRouter()

    @routes.get("/v1/models")
    async def models() -> Response:
        """The name of the one model."""
        return respond(200, orjson.dumps({"models": [model_name(state)] if state.settings else []}), _JSON)

    @routes.post("/v1/models/{model}:predict")
    async def predict(request: Request, model: str) -> Response:
        """Run the model on instances or inputs."""

        def read(body: bytes, headers: Headers, target: Target) -> Reading:
            check_model(state, model)
            return Reading(decode(body, headers, target), _encode)

        return await answer(state, request, _DIALECT, read)

    @routes.post("/v1/models/{model}:explain")
    async def explain(model: str) -> Response:
        """Refused: there are no explainers."""
        return failure(_DIALECT, 501, "this server has no explainers")

    @routes.get("/v1/models/{model}")
    async def ready(model: str) -> Response:
        """Whether new requests can be answered."""
        try:
            check_model(state, model)
            reason = state.unready_reason()
            if reason is not None:
                raise Unavailable(reason)
        except (BadRequest, Unavailable) as error:
            return refusal(_DIALECT, error)
        return respond(200, orjson.dumps({"name": model, "ready": True}), _JSON)

    @routes.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH"], include_in_schema=False)
    async def nothing(request: Request, rest: str) -> Response:
        return failure(_DIALECT, 404, f"there is nothing at {request.method} {request.url.path}")

    return routes


def _encode(outcome: Outcome, result: bytes, contract: Contract) -> Answer:
    return Answer(encode(result), _JSON)
