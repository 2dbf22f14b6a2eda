"""One HTTP request and its answer, on plain ASGI."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from localmodel_server.errors import ClientGoneError
from localmodel_server.messages.body_stream import BodyStream
from localmodel_server.messages.call import Headers

if TYPE_CHECKING:
    from localmodel_server.messages.body_budget import HeldBody


# What belongs to the connection, follows from how the body is sent, or names the request.
_OURS = {b"connection", b"content-length", b"transfer-encoding", b"keep-alive", b"upgrade", b"date"}
_OURS |= {b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id", b"x-ms-server-version", b"traceid"}


# Places in an ASGI scope: what the application has put there for a dialect's routes, and what they tell it.
REQUEST_ID = "localmodel.request_id"
OUTCOME = "localmodel.outcome"
DIALECT = "localmodel.dialect"


class BodyTooLargeError(Exception):
    """The request's body is over the limit, in bytes; the text is for the client."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the request's body is larger than {limit} bytes (LOCALMODEL_MAX_REQUEST_BYTES)")


async def read_body(receive: Receive, scope: Scope, limit: int, held: HeldBody) -> bytes:
    """Read a request's body of at most `limit` bytes; `held` counts them.

    Raises:
        BodyTooLargeError: before reading, when the request declares its length.
        ClientGoneError
        UnavailableError: there is no room for it.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise BodyTooLargeError(limit)
    # Unlike a list of pieces that are joined, it has a large body in memory once.
    body = BytesIO()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece = message.get("body", b"")
        if body.tell() + len(piece) > limit:
            raise BodyTooLargeError(limit)
        held.add(len(piece))
        body.write(piece)
        if not message.get("more_body", False):
            return body.getvalue()


async def wait_until_gone(receive: Receive) -> None:
    """Return when the client, whose body has been read, closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole JSON answer."""
    await send_whole(send, status, body, [(b"content-type", b"application/json"), *headers])


async def send_whole(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send an answer; only its length is added to the headers."""
    start: Headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})


async def send_pieces(send: Send, status: int, rest: BodyStream, headers: Headers, gone: asyncio.Future[None]) -> None:
    """Send an answer piece by piece until it ends or the client is gone.

    Raises:
        BrokenOffError
    """
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


def without_ours(headers: Headers) -> Headers:
    """A script's own response headers without those that only the server sets."""
    return [(name, value) for name, value in headers if name not in _OURS]


def message_body(message: str) -> bytes:
    """The body of every error answer."""
    return json.dumps({"message": message}).encode()
