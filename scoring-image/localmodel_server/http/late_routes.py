"""Health at once, and all other routes from the first request for one of them on.

They are FastAPI's, which takes a third of the memory and a good part of the start: a server that is asked for scores
and health alone is without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from localmodel_server.http import health
from localmodel_server.state import ServerState


class LateRoutes:
    """An ASGI application; `build` makes the one for all but health."""

    def __init__(self, state: ServerState, build: Callable[[ServerState], ASGIApp]) -> None:
        self._state = state
        self._build = build
        self._making: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        app: ASGIApp = health.answer(self._state, scope) or await self.made()
        await app(scope, receive, send)

    async def made(self) -> ASGIApp:
        """The application for all but health, made once, in a thread, beside requests for scores.

        What went wrong may have been of that moment, such as too many open files: the next request tries again.
        """
        if self._making is None or (self._making.done() and self._making.exception()):
            self._making = asyncio.ensure_future(asyncio.to_thread(self._build, self._state))
        return await asyncio.shield(self._making)
