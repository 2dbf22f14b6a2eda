"""The routes beside /score: health, and JSON errors for everything else."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from localmodel_server.state import ServerState

PROBE_PATHS = frozenset({"/", "/livez", "/readyz"})


def build_health_app(state: ServerState) -> FastAPI:
    """The FastAPI application that answers while every worker is busy."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)

    @app.get("/")
    async def healthy() -> Response:
        reason = state.unready_reason()
        return HTMLResponse("Healthy") if reason is None else _unready(reason)

    @app.get("/livez")
    async def livez() -> Response:
        return JSONResponse({})

    @app.get("/readyz")
    async def readyz() -> Response:
        reason = state.unready_reason()
        return JSONResponse({"revision": state.revision}) if reason is None else _unready(reason)

    @app.exception_handler(HTTPException)
    async def error(request: Request, error: HTTPException) -> Response:
        message = str(error.detail)
        if error.status_code == 404:
            message = f"there is nothing at {request.url.path}; predictions are at POST /score"
        elif error.status_code == 405:
            message = f"{request.method} is not allowed on {request.url.path}"
        return JSONResponse({"message": message}, error.status_code, headers=error.headers)

    return app


def _unready(reason: str) -> Response:
    return JSONResponse({"message": reason}, 503)
