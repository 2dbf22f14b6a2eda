"""Every route but /score: health, metrics, documents, other dialects, and JSON errors for everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from localmodel_server.dialects import registry
from localmodel_server.documents import openapi, swagger
from localmodel_server.http import below_prefix, health
from localmodel_server.http.cors import is_preflight
from localmodel_server.state import ServerState
from localmodel_server.ui import files


def build_routes(state: ServerState) -> ASGIApp:
    """The application for all routes except /score."""
    app = _new_app("predictions are at POST /score")
    _add_health(app, state)
    _add_documents(app, state)
    _add_page(app)
    for router in registry.ROUTERS:
        app.include_router(router(state))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        settings = state.settings
        if settings is not None and settings.cors_origins and is_preflight(scope["method"], scope["headers"]):
            await Response()(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer


def build_health_routes(state: ServerState) -> ASGIApp:
    """The application of a port that is for health only."""
    app = _new_app("this port answers /, /livez and /readyz")
    _add_health(app, state)
    return app


def _new_app(hint: str) -> FastAPI:
    app = FastAPI(openapi_url=None, redirect_slashes=False)

    @app.exception_handler(HTTPException)
    async def error(request: Request, error: HTTPException) -> Response:
        message = str(error.detail)
        if error.status_code == 404:
            message = f"there is nothing at {request.url.path}; {hint}"
        elif error.status_code == 405:
            message = f"{request.method} is not allowed on {request.url.path}"
        return JSONResponse({"message": message}, error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def failure(request: Request, error: Exception) -> Response:
        return JSONResponse({"message": "error in the scoring server; see its log"}, 500)

    return app


def _add_health(app: FastAPI, state: ServerState) -> None:
    async def healthy() -> Response:
        """Whether new clients may come, as text."""
        return health.healthy(state)

    async def livez() -> Response:
        """Whether the server itself runs."""
        return health.livez(state)

    async def readyz(request: Request) -> Response:
        """Whether new clients may come, and which revision answers them."""
        return health.readyz(state, request.url.query)

    endpoints: dict[str, Callable[..., Any]] = {"/": healthy, "/livez": livez, "/readyz": readyz}
    for path, endpoint in endpoints.items():
        # One route for both methods would be one operation twice in the document.
        app.add_api_route(path, endpoint, methods=["GET"], responses=openapi.HEALTH[path], response_class=Response)
        app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False)


def _add_documents(app: FastAPI, state: ServerState) -> None:
    @app.get("/metrics", responses=openapi.METRICS, response_class=Response)
    async def metrics(request: Request) -> Response:
        """Figures for Prometheus."""
        return await health.figures(state, request.headers.get("accept", ""))

    # These are plain functions, which FastAPI runs in threads: they read files or import a lot at first.
    @app.get(
        "/swagger.json",
        responses=openapi.SWAGGER,
        openapi_extra={"parameters": openapi.SWAGGER_PARAMETERS},
        response_class=Response,
    )
    def swagger_json(request: Request) -> Response:
        """How to call /score, as Azure ML's clients read it."""
        settings, contract = state.settings, state.contract
        if settings is None or contract is None:
            return health.unready(state.unready_reason() or "no revision serves")
        asked = request.query_params.get("version", swagger.DEFAULT)
        try:
            host, scheme = request.headers.get("host", ""), below_prefix.scheme(request.scope["headers"])
            return JSONResponse(swagger.document(asked, contract, settings, host, scheme))
        except swagger.NoSuchVersionError as error:
            return JSONResponse({"message": str(error)}, 404)
        except swagger.BadUserFileError as error:
            return JSONResponse({"message": str(error)}, 500)

    @app.get("/openapi.json", responses=openapi.DOCUMENT, response_class=Response)
    def openapi_json() -> Response:
        """This document: every route, in OpenAPI 3.1."""
        return JSONResponse(openapi.document(app.routes, state.contract, state.settings))


def _add_page(app: FastAPI) -> None:
    @app.get("/ui", include_in_schema=False)
    @app.get("/ui/{name}", include_in_schema=False)
    def page(name: str = files.INDEX) -> Response:
        """The page that tries the deployment in a browser, and what it is made of."""
        content = files.contents().get(name)
        if content is None:
            raise HTTPException(404)
        return Response(content, headers=files.headers(name))
