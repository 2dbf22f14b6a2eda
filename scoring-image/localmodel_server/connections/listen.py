"""Sockets, and the HTTP servers on them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from localmodel_server.connections.callers import Callers
from localmodel_server.connections.http_protocol import JsonErrorProtocol
from localmodel_server.connections.stalled import StallWatch

_KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2048


class HttpServer(uvicorn.Server):
    """uvicorn with a watch for stalled clients, and without its signal handlers.

    They would end it without draining, and then by the signal.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stalls = StallWatch()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until should_exit."""
        watch = asyncio.create_task(self.stalls.run(self.server_state.connections))
        try:
            await super().serve(sockets)
        finally:
            watch.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals to the Lifecycle."""
        yield


def build_server(
    app: ASGIApp, callers: Callers | None, protocol: type[JsonErrorProtocol] = JsonErrorProtocol
) -> HttpServer:
    """An HTTP server for the application; it gets its socket when it starts to serve. None: anybody may call."""
    connection: Any = partial(protocol, callers=callers)
    return HttpServer(
        uvicorn.Config(
            app,
            http=connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
    )


def open_listener(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        OSError
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
    )[0]
    # With the protocol named, asyncio sets TCP_NODELAY on connections.
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
