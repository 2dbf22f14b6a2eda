"""Ids and other headers, on every answer that there is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_scripts import JSON, NUMPY, serving
from support.server.scoring_server_process import ScoringServer, write_script

SCRIPT = """
import os
import sys
import time

def init():
    pass

def run(text):
    if text == "raise":
        raise ValueError
    if text == "leave":
        sys.exit(1)
    if text == "die":
        os._exit(1)
    if text == "sleep":
        time.sleep(60)
    return {1} if text == "set" else text
"""
IDS = {"x-request-id": "r-1", "x-ms-client-request-id": "c-1", "x-ms-request-id": "m-1", "TraceId": "t-1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    variables = {
        "LOCALMODEL_REVISION": "7",
        "LOCALMODEL_MODEL": "mnist:1@sha256:ab",
        "LOCALMODEL_MAX_REQUEST_BYTES": "1000",
        "SCORING_TIMEOUT_MS": "1500",
    }
    with serving(tmp_path_factory.mktemp("headers"), SCRIPT, **variables) as server:
        yield server


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/score", b"fine", 200),
        ("GET", "/score", None, 200),
        ("OPTIONS", "/score", None, 200),
        ("POST", "/score", b"\xff", 400),
        ("PUT", "/score", b"x", 405),
        ("HEAD", "/score", None, 405),
        ("POST", "/score", b"x" * 1001, 413),
        ("POST", "/score", b"raise", 500),
        ("POST", "/score", b"set", 500),
        ("GET", "/", None, 200),
        ("POST", "/", b"", 405),
        ("GET", "/livez", None, 200),
        ("GET", "/readyz", None, 200),
        ("GET", "/metrics", None, 200),
        ("GET", "/swagger.json", None, 200),
        ("GET", "/swagger.json?version=9", None, 404),
        ("GET", "/openapi.json", None, 200),
        ("GET", "/nothing", None, 404),
        ("POST", "/score/", b"", 404),
        ("POST", "/score", b"leave", 500),
        ("POST", "/score", b"die", 500),
        ("POST", "/score", b"sleep", 500),
    ],
)
def test_every_answer_has_the_ids(
    server: ScoringServer, method: str, path: str, body: bytes | None, status: int
) -> None:
    server.wait_until_ready()  # another worker, after those that end one
    reply = server.request(method, path, body, IDS)
    assert reply.status == status
    assert {name: reply.headers.get(name.lower()) for name in IDS} == IDS
    assert reply.headers["x-ms-server-version"].startswith("localmodel/")
    assert (reply.headers["x-localmodel-revision"], reply.headers["x-localmodel-model"]) == ("7", "mnist:1@sha256:ab")
    if reply.status >= 400 and method != "HEAD":
        assert reply.message
    if path == "/score" and method != "HEAD":
        failed = body in (b"raise", b"leave", b"die", b"sleep")
        assert reply.headers["x-ms-run-function-failed"] == str(failed)
    ran = path == "/score" and reply.status == 200 and method != "OPTIONS"
    assert ("x-ms-run-fn-exec-ms" in reply.headers) == ran


def test_a_timeout_names_the_milliseconds(server: ScoringServer) -> None:
    server.wait_until_ready()
    reply = server.score(b"sleep")
    assert reply.status == 500
    assert "1500 ms" in reply.message


def test_time_in_run_has_three_decimals(server: ScoringServer) -> None:
    server.wait_until_ready()
    whole, _, decimals = server.score(b"x").headers["x-ms-run-fn-exec-ms"].partition(".")
    assert whole.isdigit() and len(decimals) == 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (None, None, None)),
        ({"x-request-id": "r"}, ("r", None, "r")),
        ({"x-ms-client-request-id": "c"}, (None, "c", "c")),
        ({"x-ms-request-id": "m"}, (None, "m", "m")),
        ({"x-request-id": "r", "x-ms-client-request-id": "c"}, ("r", "c", "c")),
        ({"x-request-id": ""}, (None, None, None)),
    ],
)
def test_which_id_stands_in_for_which(
    server: ScoringServer, given: dict[str, str], expected: tuple[str | None, str | None, str | None]
) -> None:
    for path in ("/score", "/nothing"):
        headers = server.request("POST", path, b"x", given).headers
        request_id, client_id, old_id = expected
        made_up = headers["x-request-id"]
        assert request_id == made_up if request_id else len(made_up) == 36
        assert headers.get("x-ms-client-request-id") == client_id
        assert headers["x-ms-request-id"] == (old_id or made_up)


def test_ids_that_are_too_long(server: ScoringServer) -> None:
    for name in ("x-request-id", "x-ms-client-request-id", "x-ms-request-id"):
        for path in ("/score", "/"):
            reply = server.request("POST", path, b"x", {name: "x" * 101})
            assert reply.status == 431
            assert name in reply.message
            assert "x" * 101 not in reply.headers.values()
            assert len(reply.headers["x-request-id"]) == 36
    long = "t" * 200
    assert server.request("POST", "/score", b"x", {"TraceId": long}).headers["traceid"] == long


def test_headers_that_are_too_large(server: ScoringServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nX-Large: " + b"x" * 70_000 + b"\r\nContent-Length: 0\r\n\r\n")
        head = connection.makefile("rb").read().partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"x-request-id: " in head


def test_the_version_can_be_left_out(tmp_path: Path) -> None:
    with serving(tmp_path, SCRIPT, SERVER_VERSION_LOG_RESPONSE_ENABLED="false") as server:
        for path in ("/score", "/", "/nothing"):
            assert "x-ms-server-version" not in server.request("POST", path, b"x").headers


def test_a_wrong_type_has_the_ids_too(tmp_path: Path) -> None:
    script = NUMPY + '@input_schema("a", StandardPythonParameterType(1))\ndef run(a):\n    return a\n'
    with serving(tmp_path, script) as server:
        for headers, status in (({}, 415), (JSON, 400)):
            reply = server.score(b'{"a": "x"}', {**headers, **IDS})
            assert reply.status == status
            assert reply.headers["x-request-id"] == "r-1"
            assert reply.headers["x-ms-run-function-failed"] == "False"


def test_before_init_has_returned(tmp_path: Path) -> None:
    script = "import time\ndef init(): time.sleep(60)\ndef run(data): pass\n"
    with ScoringServer(tmp_path, write_script(tmp_path / "app", script)).wait_until_listening() as server:
        for method, path in (("POST", "/score"), ("GET", "/"), ("GET", "/swagger.json")):
            reply = server.request(method, path, None, IDS)
            assert reply.status == 503
            assert reply.headers["retry-after"] == "1"
            assert "init()" in reply.message
            assert reply.headers["x-request-id"] == "r-1"
