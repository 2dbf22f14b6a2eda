"""Health and figures at once, and all other routes from the first request for one of them on.

They are FastAPI's, which takes a third of the memory and a good part of the start: a server that is asked for scores,
health and figures alone is without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Optional

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from localmodel_server.state import ServerState

Early = Callable[[ServerState, Scope], Awaitable[Optional[Response]]]


class LateRoutes:
    """An ASGI application; `build` makes the one for all that `early` does not answer."""

    def __init__(self, state: ServerState, early: Early, build: Callable[[ServerState], ASGIApp]) -> None:
        self._state = state
        self._early = early
        self._build = build
        self._making: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        app: ASGIApp = await self._early(self._state, scope) or await self.made()
        await app(scope, receive, send)

    async def made(self) -> ASGIApp:
        """The application for all others, made once, in a thread, beside requests for scores.

        What went wrong may have been of that moment, such as too many open files: the next request tries again.
        """
        if self._making is None or (self._making.done() and self._making.exception()):
            self._making = asyncio.ensure_future(asyncio.to_thread(self._build, self._state))
        return await asyncio.shield(self._making)
