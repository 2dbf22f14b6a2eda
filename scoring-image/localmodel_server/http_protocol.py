"""uvicorn's HTTP protocol with limits, and JSON answers to what does not reach the application."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from localmodel_server.call import Headers
from localmodel_server.exchange import message_body
from localmodel_server.request_ids import common_headers, read_ids

_MOST_HEAD_BYTES = 65536


class NobodyWaits:
    """In place of the asyncio.Event that uvicorn sets when a connection has news for the application."""

    def set(self) -> None:
        """Called by uvicorn."""


class Answered:
    """In place of uvicorn's RequestResponseCycle: a request that has been answered already."""

    response_complete = True
    more_body = False
    disconnected = False
    keep_alive = False
    message_event = NobodyWaits()


class JsonErrorProtocol(HttpToolsProtocol):
    """One connection. Errors below the application are ``{"message": ...}``, too."""

    cycle: Any
    last_received = 0.0  # time of the event loop

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        super().connection_made(transport)
        self.last_received = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the client has sent."""
        self.last_received = self.loop.time()
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES:
                self._refuse_head()

    @property
    def is_receiving(self) -> bool:
        """Whether the client owes the rest of a request; a fresh connection owes its first."""
        return self.cycle is None or self._in_head or bool(self.cycle.more_body)

    def refuse(self, status: int, message: str) -> None:
        """Answer for the application, and end the connection."""
        if self.transport.is_closing():
            return
        body = message_body(message)
        headers: Headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        self.transport.write(response(status, headers + common_headers(read_ids([]), None), body))
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn when it cannot parse a request."""
        self.refuse(400, msg)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._in_head = False
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > _MOST_HEAD_BYTES:
            self._refuse_head()
            self.cycle = Answered()
        else:
            self.begin_request()

    def begin_request(self) -> None:
        """Start to answer the request whose headers have come."""
        super().on_headers_complete()

    def _refuse_head(self) -> None:
        self.refuse(431, f"the request's headers are larger than {_MOST_HEAD_BYTES} bytes")


def response(status: int, headers: Headers, body: bytes) -> bytes:
    """A whole HTTP/1.1 response."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (STATUS_LINE[status], b"".join(lines), len(body), body)
