"""Who answers at the address, asked over real connections."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from kubernetes.aio.client import Configuration
from support.lmd_command import free_port

from localmodel_operator.cluster import NAMESPACE, Cluster
from localmodel_operator.pods import address
from localmodel_operator.pods.address import InCluster

NAMESPACES = "/api/v1/namespaces"
SERVICE = f"{NAMESPACES}/team/services/app:http/proxy"
SILENCE = b'{"kind": "Status", "message": "no endpoints available for service app"}'


@contextmanager
def answering(*answers: tuple[int, str | None]) -> Iterator[str]:
    """A server that gives these answers (status, revision) in turn; yields its base URL."""
    turn = itertools.cycle(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == NAMESPACES:  # of an API server, which is asked for something first
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"items": []}')
                return
            status, revision = next(turn)
            self.send_response(status if self.path in ("/readyz", f"{SERVICE}/readyz") else 404)
            if revision:
                self.send_header("x-localmodel-revision", revision)
            self.end_headers()
            if not revision:
                self.wfile.write(SILENCE)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


async def test_only_the_revision_answers() -> None:
    with answering((200, "4")) as base:
        assert await address.problem(base, 4, 3) == ""


async def test_a_pod_of_the_same_revision_that_is_being_ended_is_no_problem() -> None:
    with answering((200, "4"), (503, "4")) as base:
        assert await address.problem(base, 4, 1) == ""
        assert "a pod that is not ready" in await address.problem(base, 4, 1, only_ready=True)
    with answering((200, "4")) as base:
        assert await address.problem(base, 4, 1, only_ready=True) == ""


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((200, "3"), "is still answered by revision 3"),
        ((503, "3"), "is still answered by revision 3"),
        ((200, None), "something else than this deployment answers"),
        ((421, None), "add it to LOCALMODEL_ALLOWED_HOSTS in spec.env"),
    ],
)
async def test_one_answer_in_ten_by_another(others: tuple[int, str | None], said: str) -> None:
    with answering(*[(200, "4")] * 9, others) as base:
        assert said in await address.problem(base, 4, 1)


async def test_nobody_who_is_ready_answers() -> None:
    with answering((503, "4")) as base:
        assert "no pod that is ready" in await address.problem(base, 4, 1)


async def test_nothing_answers() -> None:
    assert "nothing answers at" in await address.problem(f"http://127.0.0.1:{free_port()}", 4, 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}, "an operator that ends finds none left over"


async def test_whoever_answers_is_asked_whether_ready_or_not() -> None:
    for status in (200, 503):
        with answering((status, "4")) as base:
            assert await address.revision_at(base) == "4"
    with answering((200, "")) as base:
        assert await address.revision_at(base) == "", "something else, or a server without a revision"
    assert await address.revision_at(f"http://127.0.0.1:{free_port()}") == ""


async def test_one_pod_of_several_that_ends_is_not_all() -> None:
    with answering((200, ""), (200, "4")) as base:
        assert await address.revision_at(base) == "4"


async def test_nobody_is_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert await address.revision_at(f"http://127.0.0.1:{silent.getsockname()[1]}") == ""


@asynccontextmanager
async def inside(*answers: tuple[int, str | None]) -> AsyncIterator[InCluster]:
    """A Service that gives these answers through an API server; the latter answers where no revision is given."""
    with answering(*answers) as server:
        cluster = Cluster(Configuration(host=server))
        try:
            await cluster.list(NAMESPACE)
            yield InCluster(cluster, "team", "app")
        finally:
            await cluster.close()


async def test_what_only_the_cluster_reaches_is_asked_through_the_api_server() -> None:
    async with inside((200, "4")) as service:
        assert await address.problem(service, 4, 2) == ""
        assert "still answered by revision 4" in await address.problem(service, 5, 2)
        assert await address.revision_at(service) == "4"
    async with inside((200, "4"), (503, "4")) as service:
        assert "a pod that is not ready" in await address.problem(service, 4, 1, only_ready=True)


async def test_an_api_server_that_finds_no_pod_says_so() -> None:
    async with inside((200, "4"), (503, None)) as service:
        said = await address.problem(service, 4, 1)
        assert said == "nothing answers at http://app.team.svc (no endpoints available for service app)"
    async with inside((503, None)) as service:
        assert await address.revision_at(service) == ""
