"""What the operator asks an API server for to learn what there is, and what has happened since."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.aio.client import Configuration

from localmodel_operator import metadata_session
from localmodel_operator.cluster import LMD, Cluster, UnreachableError

APP = {"metadata": {"namespace": "team", "name": "app"}}
OTHER = {"metadata": {"namespace": "team", "name": "other"}}
EDITED = {"type": "MODIFIED", "object": {**APP, "spec": {"text": "a" * 300_000}}}
GONE = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old resource version"}}


class Server(ThreadingHTTPServer):
    """Two pages of resources, the events after them, and what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.events: list[Any] = [EDITED]
        self.asked: list[tuple[str, str]] = []  # URL, the form that was accepted

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Accept"].partition(";g=")[0]))
        query = parse_qs(urlsplit(self.path).query)
        if "watch" in query:
            answers = self.server.events
        elif "continue" in query:
            answers = [{"metadata": {"resourceVersion": "7"}, "items": [OTHER]}]
        elif "limit" in query:
            answers = [{"metadata": {"resourceVersion": "7", "continue": "more"}, "items": [APP]}]
        else:
            answers = [{"metadata": {"resourceVersion": "7"}, "items": None}]
        content = b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(name="server")
def given_server() -> Iterator[Server]:
    with Server() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


async def test_a_list_is_read_in_pages(server: Server) -> None:
    cluster = Cluster(Configuration(host=server.url))
    try:
        pages = [page async for page in cluster.pages(LMD, "team")]
    finally:
        await cluster.close()
    assert pages == [([APP], "7"), ([OTHER], "7")]


@pytest.mark.parametrize("namespace", ["team", None])
async def test_what_happens_after_a_list_is_followed_from_its_version(server: Server, namespace: str | None) -> None:
    cluster = Cluster(Configuration(host=server.url))
    try:
        changes = [change async for change in cluster.changes(LMD, namespace, "7", 60)]
    finally:
        await cluster.close()
    assert changes == [("MODIFIED", EDITED["object"])]
    place, _, query = server.asked[0][0].partition("?")
    assert place == LMD.path(namespace)
    assert {"watch=true", "resourceVersion=7", "timeoutSeconds=60"} <= set(query.split("&"))


async def test_a_version_that_the_server_has_forgotten_is_one_error(server: Server) -> None:
    server.events = [EDITED, GONE]
    cluster, seen = Cluster(Configuration(host=server.url)), []
    try:
        with pytest.raises(UnreachableError, match="too old resource version"):
            async for kind, _ in cluster.changes(LMD, None, "7", 60):
                seen.append(kind)
    finally:
        await cluster.close()
    assert seen == ["MODIFIED"]


async def test_children_are_listed_and_watched_without_their_content(server: Server) -> None:
    async with metadata_session.open_session({"Authorization": "Bearer t"}, ssl.create_default_context()) as session:
        for query in ("", "?watch=true"):
            async with session.get(f"{server.url}/api/v1/secrets{query}") as response:
                await response.read()
        async with session.get(f"{server.url}/api/v1/secrets") as response:
            assert (await response.json())["items"] == [], "an API server has null for no metadata"
    forms = [form for _, form in server.asked]
    assert forms == [f"application/json;as=PartialObjectMetadata{end}" for end in ("List", "", "List")]
