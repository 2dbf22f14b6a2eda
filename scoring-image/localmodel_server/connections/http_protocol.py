"""uvicorn's HTTP protocol with limits, and JSON answers to what does not reach the application."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from localmodel_server.connections.callers import Callers
from localmodel_server.connections.lingering_close import LingeringTransport
from localmodel_server.connections.request_head import WATCHED, BadHeadError, called_host, check_framing
from localmodel_server.log import logger
from localmodel_server.messages.asgi import message_body
from localmodel_server.messages.call import Headers
from localmodel_server.messages.request_ids import common_headers, read_ids

_MOST_HEAD_BYTES = 65536
_HEAD_TOO_LARGE = f"the request's headers are larger than {_MOST_HEAD_BYTES} bytes"
# The end of a request line that the parser takes for one of HTTP.
_OTHER_PROTOCOL = re.compile(rb" (?:RTSP|ICE)/[0-9]\.[0-9]\s")
# A script may answer with what it has agreed upon with its clients; uvicorn knows none above 599.
STATUS_LINE.update({status: b"HTTP/1.1 %d \r\n" % status for status in range(600, 1000)})


class NobodyWaits:
    """Replaces the asyncio.Event that uvicorn sets when a connection has news for the application."""

    def set(self) -> None:
        """Called by uvicorn."""


class _StopParsing(Exception):
    """Raised in a callback of the parser, which stops there: behind the end of a connection nothing is a request."""


class JsonErrorProtocol(HttpToolsProtocol):
    """One connection. Errors below the application are `{"message": ...}`, too, and are sent in turn.

    Without `callers` anybody may call: the application checks signatures itself.
    """

    cycle: Any
    transport: Any

    def __init__(self, *arguments: Any, callers: Callers | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._callers = callers
        self._in_message = False  # the client has begun a request, and not ended it
        self._in_head = False
        self._has_moved = False  # the last piece has brought a part of a request to its end, or some of its body
        self._loose_bytes = 0  # since then
        self._last_received = 0.0  # time of the event loop
        self._due_since = 0.0  # when that began which must come as a whole: a head, or the rest of a refused body
        self._before: Any = None  # a request that is being answered while the next one has come already
        self._held: tuple[int, str] | None = None  # a refusal that waits for the answers before it
        self._piece = b""  # what is being parsed
        self._is_next_first = True  # no earlier request has left something in that piece
        self._again = b""  # what is to be parsed then
        self._begun = bytearray()  # earlier pieces with the head that is coming in

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by asyncio."""
        super().connection_made(transport)
        self.transport = LingeringTransport(transport, lambda: self._in_message)
        self._last_received = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self.transport.forget()
        if self._before is not None and not self._before.response_complete:
            self.give_up(self._before)
        if not self._is_answered:
            self.give_up(self.cycle)
        super().connection_lost(exc)

    def give_up(self, cycle: Any) -> None:
        """Tell the code that answers a request that the client has gone."""
        cycle.disconnected = True
        cycle.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with what the client has sent."""
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        self._last_received = self.loop.time()
        self._has_moved = False
        self._again = data
        while self._again and not self._is_over:
            self._piece, self._again = self._again, b""
            self._parse(self._piece)
        if self._in_head:
            self._begun += self._piece
        elif self._begun:
            self._begun.clear()
        self._piece = b""
        if self._has_moved:
            self._loose_bytes = 0
        elif self._in_message:
            # A head without an end, or trailers.
            self._loose_bytes += len(data)
            if self._loose_bytes > _MOST_HEAD_BYTES:
                self.refuse(431, _HEAD_TOO_LARGE)

    def _parse(self, piece: bytes) -> None:
        self._is_next_first = not self._in_message
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as error:
            if self._asks_for_upgrade:
                self._read_without_upgrade(piece[error.args[0] :])
        except httptools.HttpParserError:
            self.refuse(400, "Invalid HTTP request received.")

    def end_if_late(self, now: float, seconds: float) -> None:
        """Refuse a request that has not come within seconds; close a connection that has brought none.

        The limit is for a whole head, and for the time between two pieces of a body.
        """
        if self._is_over:
            return
        if not self._in_message:
            if self.timeout_keep_alive_task is None and self._is_answered and now - self._last_received >= seconds:
                self.transport.close()
        elif self.flow.read_paused or self.pipeline:
            self._last_received = self._due_since = now  # it cannot send
        elif self._in_head and now - self._due_since >= seconds:
            self.refuse(408, f"the request's headers have not come within {seconds:g} s")
        elif not self._in_head and now - (self._due_since if self._is_answered else self._last_received) >= seconds:
            self.refuse(408, f"nothing more of the request's body has come for {seconds:g} s")

    def is_kept(self, now: float, seconds: float) -> bool:
        """Whether the client may send another request; a connection that has been idle for so long is closed."""
        if not self._is_answered:
            self.cycle.keep_alive = False
        if self._is_over or self._in_message or not self._is_answered:
            return False
        if now - max(self._last_received, self._due_since) < seconds:
            return True
        self.transport.close()
        return False

    def refuse(self, status: int, message: str) -> None:
        """Refuse the incoming request instead of the application, and end the connection."""
        if self._is_over:
            return
        if self._in_message and not self._in_head:
            if self._is_answered:
                self.transport.close()
                return
            waits = bool(self.pipeline)
            if waits:
                self.pipeline.popleft()
            self.give_up(self.cycle)
        else:
            waits = not self._is_answered
        if waits:
            self._held = status, message
        else:
            self._write_refusal(status, message)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self._is_over:
            raise _StopParsing
        super().on_message_begin()
        self._in_message = self._in_head = self._has_moved = True
        self._due_since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        try:
            self._check_head()
        except BadHeadError as error:
            self.refuse(error.status, str(error))
            raise
        if self._asks_for_upgrade:
            return
        self.begin_request()
        self._in_head = False
        self._has_moved = True

    def _check_head(self) -> None:
        size = len(self.url)
        watched = []
        for header in self.headers:
            name, value = header
            size += len(name) + len(value) + 4
            if name in WATCHED:
                watched.append(header)
        if size > _MOST_HEAD_BYTES:
            raise BadHeadError(431, _HEAD_TOO_LARGE)
        if not self._says_http():
            raise BadHeadError(400, "the request line does not end with HTTP/1.1")
        version = self.parser.get_http_version()
        callers = self._callers
        if callers is not None and version == "1.1" and len(watched) == 1 and self.url[:1] == b"/":
            name, value = watched[0]
            if name == b"host" and callers.knows(value):
                return
        check_framing(version, watched)
        if callers is None:
            called_host(version, self.url, watched)
        else:
            callers.check(version, self.url, watched)

    def _says_http(self) -> bool:
        """Whether the request line names HTTP: the parser takes RTSP/1.0 and others for HTTP/1.0, and tells no place.

        Most heads begin the piece that they come in. What stands before others may look like their request line, so
        no line there may end like that of another protocol.
        """
        line = b"%b %b HTTP/" % (self.parser.get_method(), self.url)
        begins_piece, self._is_next_first = self._is_next_first, False
        if begins_piece and self._piece.startswith(line):
            return True
        read = bytes(self._begun) + self._piece
        return line in read and _OTHER_PROTOCOL.search(read) is None

    def begin_request(self) -> None:
        """Start to answer the request whose headers have come."""
        if not self._is_answered and not self.pipeline:
            self._before = self.cycle
        super().on_headers_complete()
        if self.expect_100_continue:
            _close_unless_read(self.cycle)

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._has_moved = True
        self.take_body(body)

    def take_body(self, body: bytes) -> None:
        """Pass a piece of the body to the code that answers the request."""
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._asks_for_upgrade:
            return
        self._in_message = False
        self._has_moved = True
        self.complete_request()

    def complete_request(self) -> None:
        """Tell the code that answers the request that it is complete."""
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Called when an answer has been written."""
        self._due_since = self.loop.time()
        was_last = not self.pipeline
        self._before = None if was_last else self.pipeline[-1][0]
        super().on_response_complete()
        if self._held is not None and was_last:
            self._write_refusal(*self._held)

    @property
    def _asks_for_upgrade(self) -> bool:
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"

    def _read_without_upgrade(self, rest: bytes) -> None:
        """Have a request read again without its Upgrade header, behind which the parser has stopped.

        It takes what follows for the other protocol. Who asks, as Java's client does, goes on in HTTP/1.1 when the
        answer is in it.
        """
        lines = [b"%b: %b\r\n" % (name, value) for name, value in self.headers if name != b"upgrade"]
        start = b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        self._again = b"%b%b\r\n%b" % (start, b"".join(lines), rest)
        self.parser = httptools.HttpRequestParser(self)

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    @property
    def _is_over(self) -> bool:
        """Whether nothing that the client sends from now on counts."""
        return self._held is not None or bool(self.transport.is_closing())

    def _write_refusal(self, status: int, message: str) -> None:
        if self.transport.is_closing():
            return
        body = message_body(message)
        headers: Headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        self.transport.write(response(status, headers + common_headers(read_ids([]), None), body))
        self.transport.close()
        logger.warning("a request from %s was refused: %d, %s", self.client[0] if self.client else "-", status, message)


def _close_unless_read(cycle: Any) -> None:
    """Close the connection if the request is answered before its body was asked for (Expect: 100-continue).

    The client does not send it then, and its next request would be taken for it.
    """
    receive, keep_alive = cycle.receive, cycle.keep_alive

    async def receive_first() -> Any:
        cycle.keep_alive = keep_alive
        cycle.receive = receive
        return await receive()

    cycle.keep_alive = False
    cycle.receive = receive_first


def response(status: int, headers: Headers, body: bytes) -> bytes:
    """A whole HTTP/1.1 response."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (STATUS_LINE[status], b"".join(lines), len(body), body)
