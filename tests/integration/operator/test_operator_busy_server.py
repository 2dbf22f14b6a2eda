"""What the operator makes of an API server that says "not now", and when to ask again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from kubernetes.aio.client import Configuration

from localmodel_operator.cluster import LMD, Cluster, UnreachableError

BUSY = b'{"kind": "Status", "message": "storage is (re)initializing", "code": 429}'


class Handler(BaseHTTPRequestHandler):
    left: int  # how many answers are still "not now"

    def do_GET(self) -> None:
        busy, type(self).left = self.left > 0, self.left - 1
        content = BUSY if busy else b'{"items": []}'
        self.send_response(429 if busy else 200)
        self.send_header("Content-Length", str(len(content)))
        if busy:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def busy(times: int) -> Iterator[Configuration]:
    handler = type("Handler", (Handler,), {"left": times})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Configuration(host=f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()


async def test_it_asks_again_when_the_server_says_so() -> None:
    with busy(3) as configuration:
        cluster = Cluster(configuration)
        try:
            assert await cluster.list(LMD) == []
        finally:
            await cluster.close()


async def test_it_does_not_ask_for_ever() -> None:
    with busy(10**6) as configuration:
        cluster = Cluster(configuration)
        try:
            with pytest.raises(UnreachableError, match="429"):
                await cluster.list(LMD)
        finally:
            await cluster.close()
