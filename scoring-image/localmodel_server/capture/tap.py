"""Keeps what passes between an ASGI application and its client."""

from __future__ import annotations

from types import TracebackType

from starlette.types import Message, Receive, Send

from localmodel_server.capture.exchange import LONGEST
from localmodel_server.messages.call import Headers

_BYTES_OF_A_PIECE = 40  # beside its content


class Room:
    """The bytes that all taps together may still keep."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, size: int) -> bool:
        """Take bytes, unless there are not so many left; returns whether they are taken."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """Give back bytes that were taken."""
        self._left += size


class Tap:
    """Passes messages on between `receive` and `send` and keeps their content, as a context manager until its end."""

    def __init__(self, receive: Receive, send: Send, room: Room) -> None:
        self._receive = receive
        self._send = send
        self._body = _Pieces(room)
        self._answer = _Pieces(room)
        self.answer_headers: Headers = []

    def __enter__(self) -> Tap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._body.drop()
        self._answer.drop()

    @property
    def body(self) -> bytes | None:
        """The request's body; None if it was not read to its end, is too long, or found no room."""
        return self._body.whole()

    @property
    def answer(self) -> bytes | None:
        """The answer; None if it was not sent to its end, is too long, or found no room."""
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
    def __init__(self, room: Room) -> None:
        self._room = room
        self._pieces: list[bytes] | None = []  # None when they are dropped
        self._size = 0
        self._is_complete = False

    def add(self, message: Message) -> None:
        self._is_complete = not message.get("more_body", False)
        piece = message.get("body", b"")
        if self._pieces is None or not piece:
            return
        # A piece takes room even if it is a single byte.
        size = len(piece) + _BYTES_OF_A_PIECE
        if self._size + len(piece) > LONGEST or not self._room.take(size):
            self.drop()
        else:
            self._pieces.append(piece)
            self._size += len(piece)

    def drop(self) -> None:
        if self._pieces is not None:
            self._room.give_back(self._size + _BYTES_OF_A_PIECE * len(self._pieces))
            self._pieces = None

    def whole(self) -> bytes | None:
        return b"".join(self._pieces) if self._is_complete and self._pieces is not None else None
