"""One HTTP request and its answer, on plain ASGI."""

from __future__ import annotations

import asyncio
import json

from starlette.types import Receive, Scope, Send

from localmodel_server.call import ClientGone, Headers
from localmodel_server.pieces import Pieces


class BodyTooLarge(Exception):
    """The request's body is over the limit."""


async def read_body(receive: Receive, scope: Scope, limit: int) -> bytes:
    """Read a request's body of at most limit bytes; raises BodyTooLarge, before reading when it can, or ClientGone."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise BodyTooLarge
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise BodyTooLarge
        pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client, whose body has been read, closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole JSON answer."""
    await send_whole(send, status, body, [(b"content-type", b"application/json"), *headers])


async def send_whole(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send an answer whose headers lack nothing but its length."""
    start: Headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def send_pieces(send: Send, status: int, rest: Pieces, headers: Headers, gone: asyncio.Future[None]) -> None:
    """Send an answer piece by piece until it ends or the client is gone; raises BrokenOff."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    try:
        while not gone.done():
            piece = await rest.next()
            if piece is None:
                await send({"type": "http.response.body"})
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        rest.stop()


def message_body(message: str) -> bytes:
    """The body of every error answer."""
    return json.dumps({"message": message}).encode()
