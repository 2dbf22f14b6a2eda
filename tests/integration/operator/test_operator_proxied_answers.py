"""What a pod may answer to the operator, asked over real connections through an API server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Thread

import pytest
from kubernetes.aio.client import Configuration

from localmodel_operator import cluster as cluster_module
from localmodel_operator.cluster import NAMESPACE, Cluster, PodUnreachableError, TooMuchError

NAMESPACES = "/api/v1/namespaces"
ELSEWHERE = "../../../../other/pods/theirs:8080/proxy/wheel"


class Server(ThreadingHTTPServer):
    """An API server whose pods answer every request in the same way; `asked` are the paths."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.sent, self.content = status, headers, content
        self.asked: list[str] = []
        self.is_waited_for = Event()  # until it is set, each answer lacks its last byte
        self.is_waited_for.set()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path == NAMESPACES:
            self._answer(200, {}, b'{"items": []}')
            return
        self.server.asked.append(self.path)
        if self.path.startswith(f"{NAMESPACES}/other/"):
            self._answer(200, {"x-localmodel-revision": "4"}, b'{"revision": "4"}')
        else:
            self._answer(self.server.status, self.server.sent, self.server.content)

    do_POST = do_GET

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:-1])
        self.wfile.flush()
        self.server.is_waited_for.wait(60)
        self.wfile.write(content[-1:])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def answering(status: int, headers: dict[str, str], content: bytes = b"{}") -> Iterator[Server]:
    with Server(status, headers, content) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Cluster]:
    cluster = Cluster(Configuration(host=f"http://127.0.0.1:{server.server_port}"))
    try:
        await cluster.list(NAMESPACE)
        yield cluster
    finally:
        await cluster.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_pod_leads_the_operator_nowhere_else(status: int) -> None:
    with answering(status, {"Location": ELSEWHERE}) as server:
        async with connected(server) as cluster:
            for asking in (
                cluster.download("team", "built:8080", "wheel", {}, BytesIO(), 100),
                cluster.ask_pod("GET", "team", "app:8081", "state", {}),
                cluster.ask_pod("POST", "team", "app:8081", "commit", {}),
                cluster.ask_service("team", "app", "readyz", 5),
            ):
                with pytest.raises(PodUnreachableError, match=f"HTTP {status}, a redirect"):
                    await asking
        assert len(server.asked) == 4 and not [path for path in server.asked if "/other/" in path]


async def test_a_file_without_an_end_is_no_pod_that_is_asked_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200, {}, bytes(3 << 20)) as server:
        async with connected(server) as cluster:
            with pytest.raises(TooMuchError, match="it has more than 2 MB"):
                await cluster.download("team", "built:8080", "wheel", {}, BytesIO(), 2 << 20)
            monkeypatch.setattr(cluster_module, "_LONGEST_DOWNLOAD", 0.5)
            server.is_waited_for.clear()
            try:
                with pytest.raises(TooMuchError, match=r"it takes longer than 0\.5 s"):
                    await cluster.download("team", "built:8080", "wheel", {}, BytesIO(), 4 << 20)
            finally:
                server.is_waited_for.set()
