"""Health at /, /livez and /readyz, and figures at /metrics."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from localmodel_server.state import ServerState

# The query by which a pod that was told to end stays ready as long as it takes requests. Kubernetes leads new clients
# to such a pod only while there is no other one.
STOPPING_TOO = "stopping=ready"


def healthy(state: ServerState) -> Response:
    """Whether new clients may come, as text."""
    reason = state.unready_reason()
    return HTMLResponse("Healthy") if reason is None else unready(reason)


def livez(state: ServerState) -> Response:
    """Whether the server itself runs."""
    return JSONResponse({})


def readyz(state: ServerState, query: str = "") -> Response:
    """Whether new clients may come, and which revision answers them."""
    reason = state.untaken_reason() if query == STOPPING_TOO else state.unready_reason()
    return JSONResponse({"revision": state.revision}) if reason is None else unready(reason)


async def figures(state: ServerState, accept: str) -> Response:
    """What Prometheus reads, in the format that the Accept header asks for."""
    # In a thread: it imports a lot at first.
    text, content_type = await asyncio.to_thread(state.metrics.exposition, accept)
    return Response(text, headers={"content-type": content_type})


def unready(reason: str) -> Response:
    """The answer while nobody can be answered."""
    return JSONResponse({"message": reason}, 503, headers={"retry-after": "1"})


_ANSWERS = {"/": healthy, "/livez": livez}


async def answer(state: ServerState, scope: Scope) -> Response | None:
    """The answer to a request for health; None to another one."""
    if scope["method"] not in ("GET", "HEAD"):
        return None
    if scope["path"] == "/readyz":
        return readyz(state, scope["query_string"].decode("latin-1"))
    asked = _ANSWERS.get(scope["path"])
    return None if asked is None else asked(state)


async def answer_with_figures(state: ServerState, scope: Scope) -> Response | None:
    """The answer to a request for health or figures; None to another one."""
    if scope["path"] == "/metrics" and scope["method"] == "GET":
        return await figures(state, Headers(scope=scope).get("accept", ""))
    return await answer(state, scope)
