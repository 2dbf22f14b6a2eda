"""SageMaker's GET /ping. Its POST /invocations is MLflow's route, too, and is in `mlflow`."""

from __future__ import annotations

import orjson
from fastapi import APIRouter
from fastapi.responses import Response

from localmodel_server.dialects.transport import respond
from localmodel_server.documents.operations import ERRORS, gives
from localmodel_server.state import ServerState


def router(state: ServerState) -> APIRouter:
    """GET /ping."""
    routes = APIRouter(responses=ERRORS)

    @routes.get("/ping", **gives("No body."))
    async def ping() -> Response:
        """Whether the model can answer."""
        reason = state.unready_reason()
        if reason is None:
            return respond(200, b"", [])
        return respond(503, orjson.dumps({"message": reason}), [(b"content-type", b"application/json")])

    return routes
