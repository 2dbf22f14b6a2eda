"""HTTP by hand: bytes out, answers in."""

from __future__ import annotations

import json
import select
import socket
from types import TracebackType
from typing import Any

from support.server.scoring_server_process import Reply, ScoringServer


class Closed(Exception):
    """The server has closed the connection, or reset it, before a whole answer."""


class Wire:
    """One connection to a server."""

    def __init__(self, server: ScoringServer, timeout: float = 60) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        self._read = bytearray()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Wire:
        self.socket.sendall(data)
        return self

    def send_until_closed(self, piece: bytes, times: int) -> None:
        """Send a piece again and again, until the server hangs up."""
        try:
            for _ in range(times):
                self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def answer(self) -> Reply:
        """The next answer; raises Closed."""
        head = self._until(b"\r\n\r\n").decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        status = int(first.split()[1])
        if status == 100:
            return Reply(status, headers, b"")
        if headers.get("transfer-encoding") == "chunked":
            return Reply(status, headers, self._chunks())
        return Reply(status, headers, self._exactly(int(headers["content-length"])))

    def has_answer(self) -> bool:
        """Whether bytes have come that have not been taken yet."""
        return bool(self._read or select.select([self.socket], [], [], 0)[0])

    def is_closed(self) -> bool:
        """Whether the server closes the connection, without another byte."""
        try:
            return self._read + self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._exactly(size)
            self._until(b"\r\n")
        self._until(b"\r\n")
        return body

    def _until(self, end: bytes) -> bytes:
        while end not in self._read:
            self._more()
        size = self._read.index(end) + len(end)
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._more()
        found = bytes(memoryview(self._read)[:size])
        del self._read[:size]
        return found

    def _more(self) -> None:
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError as error:
            raise Closed(f"reset after {self._read!r}") from error
        if not data:
            raise Closed(f"closed after {self._read!r}")
        self._read += data


def post(body: Any, path: str = "/score", **headers: str) -> bytes:
    """A POST: bytes as they are, anything else as JSON. An underscore in a header's name stands for a hyphen."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(data))}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + data


def chunked(*pieces: bytes, path: str = "/score", trailers: bytes = b"") -> bytes:
    """A POST whose body has no length."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


GET_LIVEZ = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
