"""KServe's protocols once more under /kserve.

KServe's client asks the root for `{"status": "alive"}`, where Azure's probes and clients expect other words.
"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from localmodel_server.dialects import kserve_v1
from localmodel_server.dialects.oip import open_inference
from localmodel_server.dialects.transport import respond
from localmodel_server.state import ServerState


def router(state: ServerState) -> APIRouter:
    """The routes under /kserve."""
    routes = APIRouter(prefix="/kserve", include_in_schema=False)

    @routes.get("")
    @routes.get("/")
    async def alive() -> Response:
        return respond(200, b'{"status":"alive"}', [(b"content-type", b"application/json")])

    routes.include_router(kserve_v1.router(state))
    routes.include_router(open_inference.router(state))
    return routes
