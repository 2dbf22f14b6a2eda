"""A web server of this machine that says what a test wants, and keeps what it was asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = os.urandom(3_000_000)


@dataclass
class Answer:
    """What the server says; it cuts the connection after `sent` bytes. What is asked for by its ETag is a 304."""

    status: int = 200
    body: bytes = CONTENT
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"1"'})
    sent: int | None = None
    length: int | None = None


@dataclass
class Web:
    """A web server with one list of answers, of which the last is repeated, and what it was asked."""

    url: str
    answers: list[Answer] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0  # bytes of contents

    def ranges(self) -> list[str | None]:
        return [headers.get("Range") for headers in self.asked]


@contextmanager
def serving() -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append({**self.headers, "path": self.path})
            answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            body, status, etag = answer.body, answer.status, answer.headers.get("ETag", "")
            if etag and etag in self.headers.get("If-None-Match", ""):
                status, body = 304, b""
            if status == 206:
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                answer.headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                body = body[start:]
            self.send_response(status)
            length = {} if status == 304 else {"Content-Length": str(answer.length or len(body))}
            for name, value in {**length, **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            server.sent += len(body[: answer.sent])
            self.wfile.write(body[: answer.sent])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Web(f"http://127.0.0.1:{http.server_port}")
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield server
        http.shutdown()
