"""One HTTP request and its answer, on plain ASGI."""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from localmodel_server.azure import Headers


class BodyTooLarge(Exception):
    """The request's body is over the limit."""


class ClientGone(Exception):
    """The client has closed the connection."""


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


async def send_json(send: Send, status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Send a whole JSON answer."""
    start: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


def message_body(message: str) -> bytes:
    """The body of every error answer."""
    return json.dumps({"message": message}).encode()
