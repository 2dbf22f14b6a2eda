"""Serves the page on a port of this machine until it is interrupted."""

import socket
from collections.abc import Callable

import uvicorn

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets import ports
from localmodel.targets.target import Target
from localmodel.ui import app
from localmodel.ui.access import ADDRESS, Access

FIRST = 6780
_LAST = ports.FIRST - 1  # the deployments have the ports from there on


def serve(
    target: Target, port: int | None, read_only: bool, words_of: app.WordsOf, ready: Callable[[Access], None]
) -> None:
    """Serve the page of a target, and call `ready` when it can be opened.

    Raises:
        UserError: PortTaken, NoPortFree.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken = _bind(listener, port)
        access = Access(taken, read_only)
        configuration = uvicorn.Config(
            app.make(target, access, words_of),
            lifespan="off",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
        listener.listen()  # so that who is told may come
        ready(access)
        uvicorn.Server(configuration).run(sockets=[listener])


def _bind(listener: socket.socket, port: int | None) -> int:
    """The port that the socket has then: this one, or else the first that is free."""
    for candidate in [port] if port is not None else range(FIRST, _LAST + 1):
        if ports.is_free(candidate):
            listener.bind((ADDRESS, candidate))
            return candidate
    if port is not None:
        raise UserError(reasons.PORT_TAKEN, f"--port {port} is held by {ports.holder(port)}; name another one")
    raise UserError(reasons.NO_PORT_FREE, f"none of the ports from {FIRST} to {_LAST} is free; name one with --port")
