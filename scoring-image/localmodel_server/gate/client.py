"""A client inside the server: the far end of an ASGI connection."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote_to_bytes

from starlette.types import ASGIApp, Message, Scope

from localmodel_server.messages.call import Headers

_MOST_BYTES = 64 * 1024 * 1024


class NoAnswerError(Exception):
    """There is no whole answer; the text says why."""


class Client:
    """Asks one request of an application."""

    def __init__(self, body: bytes) -> None:
        self.status = 0
        self.body = bytearray()
        self._complete = False
        self._request: list[bytes] = [body]
        self._left = asyncio.Event()

    async def ask(self, application: ASGIApp, scope: Scope, limit: float) -> None:
        """Wait for the answer, at most `limit` seconds.

        Raises:
            NoAnswerError
        """
        asking = asyncio.ensure_future(application(scope, self._receive, self._send))
        try:
            await asyncio.wait({asking}, timeout=limit)
            if not asking.done():
                raise NoAnswerError(f"the answer did not end within {limit:g} s")
        finally:
            self._left.set()
            asking.cancel()
            # To an application, its own cancellation is one more thing to answer.
            await asyncio.gather(asking, return_exceptions=True)
        if len(self.body) > _MOST_BYTES:
            raise NoAnswerError(f"the answer is longer than {_MOST_BYTES} bytes")
        if not self._complete:
            raise NoAnswerError("the answer has broken off")

    async def _receive(self) -> Message:
        """The whole request, and then nothing until the client leaves."""
        if self._request:
            return {"type": "http.request", "body": self._request.pop(), "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.body += message.get("body", b"")
        self._complete = not message.get("more_body", False)
        if len(self.body) > _MOST_BYTES:
            self._left.set()


def http_scope(method: str, path: bytes, query: bytes, headers: Headers) -> Scope:
    """The ASGI scope of a request; the path is as it stands in the request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode(errors="replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {},
    }
