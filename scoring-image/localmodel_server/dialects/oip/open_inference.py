"""The Open Inference Protocol (version 2) over HTTP: its routes."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

import localmodel_server
from localmodel_server.dialects.oip import infer_request, model_metadata
from localmodel_server.dialects.oip.infer import error_body, read
from localmodel_server.dialects.served_model import check_model, model_name
from localmodel_server.dialects.transport import Dialect, answer, failure, refusal, respond
from localmodel_server.documents.operations import ERRORS, refuses, takes
from localmodel_server.errors import BadRequestError, UnavailableError
from localmodel_server.messages.call import Headers
from localmodel_server.state import ServerState

_JSON: Headers = [(b"content-type", b"application/json")]

_TENSORS = takes("application/json", "application/octet-stream")
_DIALECT = Dialect("open_inference", error_body, infer_request.cost, compressed=True)


def router(state: ServerState) -> APIRouter:
    """The routes under /v2."""
    routes = APIRouter(responses=ERRORS)
    _add_server_routes(routes, state)
    _add_model_routes(routes, state)

    @routes.post("/v2/repository/models/{model}/{action}", **refuses("Models come with revisions."))
    async def change_repository(model: str, action: str) -> Response:
        """Refused: models come with revisions."""
        return failure(_DIALECT, 501, f"cannot {action} {model}: this server has one model; deploy another revision")

    @routes.post("/v2/models/{model}/explain", **refuses("There are no explainers."))
    @routes.post("/v2/models/{model}/versions/{version}/explain", **refuses("There are no explainers."))
    async def explain(model: str, version: str = "") -> Response:
        """Refused: there are no explainers."""
        return failure(_DIALECT, 501, "this server has no explainers")

    @routes.api_route("/v2/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH"], include_in_schema=False)
    async def nothing(request: Request, rest: str) -> Response:
        return failure(_DIALECT, 404, f"there is nothing at {request.method} {request.url.path}")

    return routes


def _add_server_routes(routes: APIRouter, state: ServerState) -> None:
    @routes.get("/v2")
    @routes.get("/v2/")
    async def server() -> Response:
        """The server, as the protocol describes it."""
        extensions = ["binary_tensor_data", "model_configuration", "model_repository"]
        version = localmodel_server.__version__
        return _respond({"name": "localmodel", "version": version, "extensions": extensions})

    # Clients look for the key of one question in the answer to the other, so that both answers have both.
    @routes.get("/v2/health/live")
    async def live() -> Response:
        """Whether the server itself runs."""
        return _respond({"live": True, "ready": state.unready_reason() is None})

    @routes.get("/v2/health/ready")
    async def ready() -> Response:
        """Whether new requests can be answered."""
        reason = state.unready_reason()
        if reason is None:
            return _respond({"live": True, "ready": True})
        return _respond({"live": True, "ready": False, "error": reason}, 503)

    @routes.get("/v2/models")
    async def models() -> Response:
        """The name of the one model."""
        return _respond({"models": [model_name(state)] if state.settings else []})

    @routes.post("/v2/repository/index")
    async def index() -> Response:
        """The one model and its state, as Triton lists models."""
        reason = state.unready_reason()
        known = "READY" if reason is None else "UNAVAILABLE"
        entry = {"name": model_name(state), "version": state.revision, "state": known, "reason": reason or ""}
        return _respond([entry] if state.settings else [])


def _add_model_routes(routes: APIRouter, state: ServerState) -> None:
    @routes.get("/v2/models/{model}")
    @routes.get("/v2/models/{model}/versions/{version}")
    async def metadata(model: str, version: str = "") -> Response:
        """The model's inputs and outputs."""
        content = model_metadata.metadata(model, state.revision, state.contract)
        return _about(state, model, version, content)

    @routes.get("/v2/models/{model}/config")
    @routes.get("/v2/models/{model}/versions/{version}/config")
    async def config(model: str, version: str = "") -> Response:
        """The model's configuration, as Triton writes it."""
        return _about(state, model, version, model_metadata.config(model, state.contract))

    @routes.get("/v2/models/{model}/ready")
    @routes.get("/v2/models/{model}/versions/{version}/ready")
    async def model_ready(model: str, version: str = "") -> Response:
        """Whether the model can answer."""
        response = _about(state, model, version, {"name": model, "ready": True})
        reason = state.unready_reason()
        if reason is not None and response.status_code == 200:
            return _respond({"name": model, "ready": False, "error": reason}, 503)
        return response

    @routes.post("/v2/models/{model}/infer", **_TENSORS)
    @routes.post("/v2/models/{model}/versions/{version}/infer", **_TENSORS)
    async def infer(request: Request, model: str, version: str = "") -> Response:
        """Run the model on tensors."""

        return await answer(state, request, _DIALECT, partial(read, model), lambda: check_model(state, model, version))


def _about(state: ServerState, model: str, version: str, content: dict[str, Any]) -> Response:
    try:
        check_model(state, model, version)
    except (BadRequestError, UnavailableError) as error:
        return refusal(_DIALECT, error)
    return _respond(content)


def _respond(content: Any, status: int = 200) -> Response:
    return respond(status, orjson.dumps(content), _JSON)
