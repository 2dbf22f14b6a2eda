"""All routes but health and figures are made with the first request for one of them."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from localmodel_server.http import health
from localmodel_server.http.late_routes import LateRoutes
from localmodel_server.state import ServerState


def test_what_failed_once_is_made_by_the_next_request() -> None:
    made: list[ServerState] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        """Not called here."""

    def build(state: ServerState) -> ASGIApp:
        made.append(state)
        if len(made) == 1:
            raise OSError(24, "too many open files")
        return application

    async def run() -> None:
        routes = LateRoutes(ServerState(), health.answer, build)
        with pytest.raises(OSError, match="too many"):
            await routes.made()
        assert await routes.made() is await routes.made() is application

    asyncio.run(run())
    assert len(made) == 2
