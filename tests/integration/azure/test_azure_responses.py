"""Responses that a script makes itself, whole or piece by piece."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator

import pytest
from azure_scripts import RAWHTTP, serving
from support.server.scoring_server_process import Reply, ScoringServer, eventually

SCRIPT = (
    RAWHTTP
    + """
import os
import time

ended = []

def pieces(request):
    for number in range(int(request.args["count"])):
        yield f"{number}\\n"

def slow(request):
    try:
        for number in range(100_000):
            yield "x" * 1000
            time.sleep(0.01)
    finally:
        ended.append("slow")

def fast(request):
    try:
        while True:
            yield b"y" * 65536
    finally:
        ended.append("fast")

def breaks(request):
    yield "begin"
    raise RuntimeError("in the middle")

def cookies(request):
    response = AMLResponse("x", 200)
    response.set_cookie("a", "1", max_age=10)
    response.set_cookie("b", "2")
    return response

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"
IDS = {"x-request-id": "mine", "X-Ms-Request-Id": "mine", "x-ms-server-version": "mine", "Content-Length": "77"}
DO = {
    "text": lambda request: AMLResponse("pl\\u00e4in", 200),
    "none": lambda request: AMLResponse(None, 201),
    "json": lambda request: AMLResponse({"a": [1, None]}, 202, json_str=True),
    "bytes": lambda request: AMLResponse(request.get_data(), 200, {"Content-Type": "image/png"}),
    "headers": lambda request: AMLResponse("x", 200, {"Expires": DATE, "X-Many": ["1", "2"]}),
    "teapot": lambda request: AMLResponse("short and stout", 418),
    "error": lambda request: AMLResponse("bad", 500),
    "failed": lambda request: AMLResponse("bad", 400, run_function_failed=True),
    "empty": lambda request: AMLResponse("", 204),
    "redirect": lambda request: AMLResponse("", 302, {"Location": "/other"}),
    "ids": lambda request: AMLResponse("x", 200, IDS),
    "cookies": cookies,
    "dict": lambda request: {"a": 1},
    "pieces": lambda request: AMLResponse(pieces(request), 200, {"Content-Type": "text/event-stream"}),
    "slow": lambda request: AMLResponse(slow(request), 200),
    "fast": lambda request: AMLResponse(fast(request), 200),
    "breaks": lambda request: AMLResponse(breaks(request), 200),
    "ended": lambda request: [os.getpid(), ended],
}

@rawhttp
def run(request):
    return DO[request.args["do"]](request)
"""
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("responses"), SCRIPT) as server:
        yield server


def ask(server: ScoringServer, do: str, body: bytes = b"") -> Reply:
    return server.request("POST", f"/score?do={do}", body)


@pytest.mark.parametrize(
    ("do", "status", "content_type", "body"),
    [
        ("text", 200, "text/html; charset=utf-8", "pl\u00e4in"),
        ("none", 201, "application/json", "{}"),
        ("json", 202, "application/json", '{"a": [1, null]}'),
        ("teapot", 418, "text/html; charset=utf-8", "short and stout"),
        ("empty", 204, "text/html; charset=utf-8", ""),
        ("dict", 200, "application/json", '{"a": 1}'),
    ],
)
def test_status_type_and_body(server: ScoringServer, do: str, status: int, content_type: str, body: str) -> None:
    reply = ask(server, do)
    assert (reply.status, reply.headers["content-type"], reply.body.decode()) == (status, content_type, body)
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert float(reply.headers["x-ms-run-fn-exec-ms"]) >= 0


def test_bytes(server: ScoringServer) -> None:
    reply = ask(server, "bytes", bytes(range(256)) * 4000)
    assert (reply.headers["content-type"], reply.body) == ("image/png", bytes(range(256)) * 4000)


def test_headers_are_kept_whole(server: ScoringServer) -> None:
    headers = all_headers(server, "headers")
    assert ("expires", "Wed, 21 Oct 2026 07:28:00 GMT") in headers, "commas do not split"
    assert [value for name, value in headers if name == "x-many"] == ["1", "2"]
    cookies = [value for name, value in all_headers(server, "cookies") if name == "set-cookie"]
    assert cookies == ["a=1; Max-Age=10; Path=/", "b=2; Path=/"]
    assert ask(server, "redirect").headers["location"] == "/other"


def test_ids_and_length_are_the_servers_to_say(server: ScoringServer) -> None:
    names = [name for name, _ in all_headers(server, "ids")]
    reply = ask(server, "ids")
    assert "mine" not in reply.headers.values()
    assert reply.headers["content-length"] == "1"
    for name in ("x-request-id", "x-ms-request-id", "x-ms-server-version", "content-length"):
        assert names.count(name) == 1


@pytest.mark.parametrize(("do", "status"), [("error", 500), ("failed", 400)])
def test_a_response_may_say_that_run_failed(server: ScoringServer, do: str, status: int) -> None:
    reply = ask(server, do)
    assert (reply.status, reply.headers["x-ms-run-function-failed"]) == (status, "True")


def test_a_generator_streams(server: ScoringServer) -> None:
    reply = ask(server, "pieces&count=5000")
    assert reply.body == b"".join(b"%d\n" % number for number in range(5000))
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.headers["transfer-encoding"] == "chunked"
    connection = server.connect()
    connection.request("POST", "/score?do=slow")
    started = time.monotonic()
    response = connection.getresponse()
    assert response.read(1000) == b"x" * 1000
    assert time.monotonic() - started < 30, "the first piece does not wait for the last"
    connection.close()
    eventually(lambda: "slow" in ask(server, "ended").json[1], server)


@pytest.mark.parametrize("do", ["slow", "fast"])
def test_a_client_that_goes_away_ends_the_generator_and_the_worker_serves_on(server: ScoringServer, do: str) -> None:
    pid, before = ask(server, "ended").json
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(f"POST /score?do={do} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    eventually(lambda: len(ask(server, "ended").json[1]) > len(before), server)
    assert ask(server, "ended").json == [pid, [*before, do]]


def test_a_body_that_breaks_off_cannot_be_taken_for_a_whole_one(server: ScoringServer) -> None:
    connection = server.connect()
    connection.request("POST", "/score?do=breaks")
    response = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    eventually(lambda: "RuntimeError: in the middle" in server.log, server)
    assert ask(server, "dict").json == {"a": 1}


def test_other_requests_wait_for_a_stream_and_are_answered(server: ScoringServer) -> None:
    streams = [server.connect() for _ in range(3)]
    for connection in streams:
        connection.request("POST", "/score?do=pieces&count=2000")
    last = ask(server, "json")
    assert json.loads(last.body) == {"a": [1, None]}
    for connection in streams:
        assert connection.getresponse().read().endswith(b"\n1999\n")


def all_headers(server: ScoringServer, do: str) -> list[tuple[str, str]]:
    connection = server.connect()
    connection.request("POST", f"/score?do={do}")
    response = connection.getresponse()
    response.read()
    return [(name.lower(), value) for name, value in response.getheaders()]
