"""Health at /, /livez and /readyz."""

from __future__ import annotations

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Scope

from localmodel_server.state import ServerState


def healthy(state: ServerState) -> Response:
    """Whether new clients may come, as text."""
    reason = state.unready_reason()
    return HTMLResponse("Healthy") if reason is None else unready(reason)


def livez(state: ServerState) -> Response:
    """Whether the server itself runs."""
    return JSONResponse({})


def readyz(state: ServerState) -> Response:
    """Whether new clients may come, and which revision answers them."""
    reason = state.unready_reason()
    return JSONResponse({"revision": state.revision}) if reason is None else unready(reason)


def unready(reason: str) -> Response:
    """The answer while nobody can be answered."""
    return JSONResponse({"message": reason}, 503, headers={"retry-after": "1"})


_ANSWERS = {"/": healthy, "/livez": livez, "/readyz": readyz}


def answer(state: ServerState, scope: Scope) -> Response | None:
    """The answer to a request for health; None to another one."""
    asked = _ANSWERS.get(scope["path"]) if scope["method"] in ("GET", "HEAD") else None
    return None if asked is None else asked(state)
