"""Responses of a script's own (AMLResponse) that HTTP cannot express, or that break off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.server.scoring_server_process import ScoringServer, eventually, write_script
from wire import Closed, Wire, post

SCRIPT = """
import json
import os
import time
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


def pieces(then):
    yield b"first"
    if then == "raise":
        raise ValueError("in the middle")
    if then == "give a number":
        yield 5
    if then == "exit":
        raise SystemExit
    if then == "die":
        os._exit(3)
    if then == "hang":
        time.sleep(60)
    yield b", last"


class Anything:
    status_code = 200
    headers = {}

    def __init__(self, status, headers):
        self.status_code, self.headers = status, headers

    def iter_encoded(self): ...
    def is_streamed(self): ...
    is_streamed = False
    def get_wsgi_headers(self): ...
    def get_data(self): return b"text"
    def close(self): ...


def run(raw_data):
    given = json.loads(raw_data)
    if "then" in given:
        return AMLResponse(pieces(given["then"]), 200)
    if given["werkzeug"]:
        return Anything(given["status"], given["headers"])
    response = AMLResponse("text", given["status"])
    for name, value in given["headers"].items():
        response.headers[name] = value
    return response
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    folder = tmp_path_factory.mktemp("odd")
    variables = {**write_script(folder / "app", SCRIPT), "SCORING_TIMEOUT_MS": "2000"}
    with ScoringServer(folder, variables) as server:
        yield server.wait_until_ready()
        assert "Exception in ASGI" not in server.log


@pytest.mark.parametrize("path", ["/score", "/invocations"])
@pytest.mark.parametrize("werkzeug", [False, True])
@pytest.mark.parametrize(
    ("status", "headers", "answered"),
    [
        (299, {}, 299),
        (599, {}, 599),
        (600, {}, 600),
        (999, {}, 999),
        (99, {}, 500),
        (100, {}, 500),
        (1000, {}, 500),
        (-1, {}, 500),
        (200, {"a\r\nb": "c"}, 500),
        (200, {"a": "b\r\nc: d"}, 500),
        (200, {"a b": "c"}, 500),
        (200, {"": "c"}, 500),
        (200, {"a": "\x01"}, 500),
        (200, {"a": "\x00"}, 500),
        (200, {"a": "b" * 100_000}, 200),
        (200, {"content-length": "3", "transfer-encoding": "chunked", "connection": "close", "date": "now"}, 200),
    ],
)
def test_status_and_headers(
    server: ScoringServer, path: str, werkzeug: bool, status: int, headers: dict[str, str], answered: int
) -> None:
    asked: Any = {"status": status, "headers": headers, "werkzeug": werkzeug}
    with Wire(server) as wire:
        for _ in range(2):
            reply = wire.send(post(asked, path=path)).answer()
            assert reply.status == answered
            if answered == 500:
                assert isinstance(json.loads(reply.body)["message"], str)
            else:
                assert reply.body == b"text"


@pytest.mark.parametrize("path", ["/score", "/invocations"])
@pytest.mark.parametrize("then", ["raise", "give a number", "exit", "die", "hang"])
def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(server: ScoringServer, path: str, then: str) -> None:
    with Wire(server) as wire, pytest.raises(Closed):
        wire.send(post({"then": then}, path=path)).answer()
    eventually(lambda: server.get("/readyz").status == 200, server)
    reply = server.request("POST", path, json.dumps({"then": ""}), {"content-type": "application/json"})
    assert (reply.status, reply.body) == (200, b"first, last")
