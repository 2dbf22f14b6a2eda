"""Version 1 of KServe's protocol, as TensorFlow Serving had it: its routes."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

from localmodel_server.dialects import predict_request
from localmodel_server.dialects.served_model import check_model, model_name
from localmodel_server.dialects.transport import Dialect, answer, failure, refusal, respond
from localmodel_server.documents.operations import ERRORS, refuses, takes
from localmodel_server.errors import BadRequestError, UnavailableError
from localmodel_server.messages.call import Headers
from localmodel_server.state import ServerState

_JSON: Headers = [(b"content-type", b"application/json")]


def _error_body(status: int, message: str) -> bytes:
    return orjson.dumps({"error": message})


_DIALECT = Dialect("kserve_v1", _error_body, predict_request.cost)


def router(state: ServerState) -> APIRouter:
    """The routes under /v1."""
    routes = APIRouter(responses=ERRORS)

    @routes.get("/v1/models")
    async def models() -> Response:
        """The name of the one model."""
        return respond(200, orjson.dumps({"models": [model_name(state)] if state.settings else []}), _JSON)

    @routes.post("/v1/models/{model}:predict", **takes("application/json"))
    async def predict(request: Request, model: str) -> Response:
        """Run the model on instances or inputs."""

        return await answer(state, request, _DIALECT, predict_request.read, lambda: check_model(state, model))

    @routes.post("/v1/models/{model}:explain", **refuses("There are no explainers."))
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
                raise UnavailableError(reason)
        except (BadRequestError, UnavailableError) as error:
            return refusal(_DIALECT, error)
        return respond(200, orjson.dumps({"name": model, "ready": True}), _JSON)

    @routes.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH"], include_in_schema=False)
    async def nothing(request: Request, rest: str) -> Response:
        return failure(_DIALECT, 404, f"there is nothing at {request.method} {request.url.path}")

    return routes
