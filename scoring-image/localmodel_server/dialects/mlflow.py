"""The routes of MLflow, and SageMaker's POST /invocations: `invocations` tells the two by the body.

A body of SageMaker goes to the script as it is, and so does the result to the client.
"""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import Response

import localmodel_server
from localmodel_server.dialects import invocations
from localmodel_server.dialects.transport import Dialect, answer, failure, respond
from localmodel_server.documents.operations import AS_THE_SCRIPT, ERRORS, gives, takes
from localmodel_server.state import ServerState

_ERROR_CODES = {400: "BAD_REQUEST", 415: "BAD_REQUEST", 413: "BAD_REQUEST", 503: "TEMPORARILY_UNAVAILABLE"}


def _error_body(status: int, message: str) -> bytes:
    return orjson.dumps({"error_code": _ERROR_CODES.get(status, "INTERNAL_ERROR"), "message": message})


_DIALECT = Dialect("mlflow", _error_body, invocations.cost)


def router(state: ServerState) -> APIRouter:
    """POST /invocations, GET /version, GET /health."""
    routes = APIRouter(responses=ERRORS)

    body = takes("application/json", "text/csv")
    body["openapi_extra"][AS_THE_SCRIPT] = True

    @routes.post("/invocations", **body)
    async def invoke(request: Request) -> Response:
        """Run the model on a body of MLflow or SageMaker."""
        return await answer(state, request, _DIALECT, invocations.read)

    @routes.get("/version", **gives("As text.", "text/plain"))
    async def version() -> Response:
        """The server's version."""
        return respond(200, localmodel_server.__version__.encode(), [(b"content-type", b"text/plain; charset=utf-8")])

    @routes.get("/health", **gives("As text.", "text/plain"))
    async def health() -> Response:
        """Whether the model can answer."""
        reason = state.unready_reason()
        if reason is not None:
            return failure(_DIALECT, 503, reason)
        return respond(200, b"\n", [(b"content-type", b"text/plain; charset=utf-8")])

    return routes
