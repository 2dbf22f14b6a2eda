"""Keeps what passes between an ASGI application and its client."""

from __future__ import annotations

from starlette.types import Message, Receive, Send

from localmodel_server.capture.exchange import LONGEST
from localmodel_server.messages.call import Headers


class Tap:
    """Stands between both: `receive` and `send` take the places of those that it is made with."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._body = _Pieces()
        self._answer = _Pieces()
        self.answer_headers: Headers = []

    @property
    def body(self) -> bytes | None:
        """The request's body; None if it was not read to its end, or is too long."""
        return self._body.whole()

    @property
    def answer(self) -> bytes | None:
        """The answer; None if it was not sent to its end, or is too long."""
        return self._answer.whole()

    async def receive(self) -> Message:
        """The client's next message."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._body.add(message)
        return message

    async def send(self, message: Message) -> None:
        """Send a message to the client."""
        if message["type"] == "http.response.start":
            self.answer_headers = list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            self._answer.add(message)
        await self._send(message)


class _Pieces:
    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_complete = False

    def add(self, message: Message) -> None:
        piece = message.get("body", b"")
        self._size += len(piece)
        self._is_complete = not message.get("more_body", False)
        if self._size > LONGEST:
            self._pieces.clear()
        else:
            self._pieces.append(piece)

    def whole(self) -> bytes | None:
        return b"".join(self._pieces) if self._is_complete and self._size <= LONGEST else None
