"""Ordinary requests are answered below the ASGI application, all others by it: a client must not be able to tell."""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from azure_scripts import NUMPY, serving
from support.server.scoring_server_process import ScoringServer, eventually

TEXT = """
import json, os, sys, time
from azureml.contrib.services.aml_response import AMLResponse

def init():
    pass

class WithJson:
    def toJSON(self):
        return '{"answer": 42}'

RESULTS = {
    "none": None, "text": "a \\u00e9", "list": [1, 2.5, None, True], "nan": [float("nan")],
    "infinity": {"a": float("inf")}, "set": {1}, "object": WithJson(), "nested": [WithJson()],
    "message": {"message": "mine"}, "predictions": {"predictions": [1]}, "empty": "", "big": "x" * 3_000_000,
    "numbers": list(range(300_000)),
}

def pieces(number, size, ending):
    for _ in range(number):
        yield b"x" * size
    if ending == "broken":
        raise ValueError("broken off")

def run(anything):
    data = json.loads(anything)
    if not isinstance(data, dict):
        return data
    given = data.get("data")
    if isinstance(given, list) and given and isinstance(given[0], str):  # a tensor of the Open Inference Protocol
        data = json.loads(given[0])
    action = data.get("do")
    if action == "return":
        return RESULTS[data["what"]]
    if action == "raise":
        raise KeyError("secret-of-the-model")
    if action == "print":
        print("{garbage", flush=True)
    if action == "exit":
        sys.exit(4)
    if action == "die":
        os._exit(3)
    if action == "sleep":
        time.sleep(data["seconds"])
    if action == "respond":
        body = data.get("body")
        body = pieces(data["pieces"], data.get("size", 6), data["ending"]) if "pieces" in data else body
        is_json, failed = data.get("json", False), data.get("failed", False)
        return AMLResponse(body, data["status"], data.get("headers"), is_json, failed)
    return data
"""
SCHEMA = (
    NUMPY
    + """
@input_schema("data", NumpyParameterType(numpy.array([[1.0, 2.0]])))
def run(data):
    if data[0, 0] == 13:
        raise ValueError("unlucky")
    return data.sum(axis=1).tolist()
"""
)
HEADERS = """
def init():
    pass

def run(raw_data, request_headers):
    return {"text": raw_data, "headers": request_headers}
"""
BINARY = b"Inference-Header-Content-Length"
LONG_JSON = json.dumps({"a": [[index, "x"] for index in range(70_000)]}).encode()


class Case(NamedTuple):
    """A request of one server; without detours all of them are tried."""

    server: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    path: bytes = b"/score"
    detours: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What a client, and who looks after the server, can see of one request."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    is_kept: bool
    counted: dict[str, float]
    logged: list[str]


def asked(content: object, *headers: tuple[bytes, bytes], server: str = "text") -> Case:
    return Case(server, json.dumps(content).encode(), headers)


def result(what: str, server: str = "text") -> Case:
    return asked({"do": "return", "what": what}, server=server)


def response(server: str = "text", **fields: object) -> Case:
    return asked({"do": "respond", "status": 200, **fields}, server=server)


def tensors(text: object, *headers: tuple[bytes, bytes], server: str = "text", **others: object) -> Case:
    """An infer request of the Open Inference Protocol, whose one text the script reads."""
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [json.dumps(text)]}
    content = {"id": "7", "inputs": [tensor], **others}
    return Case(server, json.dumps(content).encode(), headers, b"/v2/models/model/infer")


def infer(body: object, *headers: tuple[bytes, bytes], server: str = "text") -> Case:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Case(server, content, headers, b"/v2/models/model/infer")


RESULTS = ["none", "text", "list", "nan", "infinity", "set", "object", "nested", "message", "predictions", "empty"]
RESULTS += ["big", "numbers"]
MANY = {"name": "data", "shape": [300_000], "datatype": "FP64", "data": [1.5] * 300_000}
MATRIX = {"name": "data", "shape": [2, 2], "datatype": "FP64", "data": [1, 2, 3, 4]}
# A body that is refused before it is read is not sent by a client that waits to be asked for it.
_SAME_HEADERS = ("query", "absolute")
_UNREAD = ("query", "chunked", "absolute")
CASES = {
    "a prediction": asked({"data": [[1, 2]]}),
    **{f"result {what}": result(what) for what in RESULTS},
    **{f"strict result {what}": result(what, "strict") for what in ("nan", "infinity", "none")},
    "raise": asked({"do": "raise"}),
    "print": asked({"do": "print"}),
    "exit": asked({"do": "exit"}),
    "die": asked({"do": "die"}),
    "too slow": asked({"do": "sleep", "seconds": 30}, server="hasty"),
    "not UTF-8": Case("text", b'{"a": "\xff"}'),
    "not JSON": Case("text", b"{"),
    "empty body": Case("text", b""),
    "nested too deeply": Case("text", b"[" * 100_000),
    "just below 1 MiB": Case("text", b'"' + b"x" * ((1 << 20) - 2) + b'"'),
    "at the limit": Case("text", b'"' + b"x" * 1_999_998 + b'"'),
    "over the limit": Case("text", b"[" + b"1" * 2_000_000, detours=_UNREAD),
    "costly JSON": Case("text", LONG_JSON),
    "ids": asked({}, (b"X-Request-Id", b"one"), (b"x-ms-client-request-id", b"two"), (b"TraceId", b"four")),
    "old id": asked({}, (b"x-ms-request-id", b"three")),
    "empty id": asked({}, (b"x-request-id", b"")),
    "two ids": asked({}, (b"x-request-id", b"one"), (b"x-request-id", b"two")),
    "made up id": asked({}),
    "id of odd characters": asked({}, (b"x-request-id", b'a "b" \xe9\\')),
    "id of control characters": asked({}, (b"x-request-id", b"a\x1b[31m\x7f")),
    "id with a tab": asked({}, (b"x-request-id", b"a\tb")),
    **{
        f"{name.decode()} too long": asked({}, (name, b"x" * 101))._replace(detours=_UNREAD)
        for name in (b"x-request-id", b"x-ms-client-request-id", b"x-ms-request-id")
    },
    "trace id too long": asked({}, (b"traceid", b"x" * 101)),
    "content type of a form": asked({}, (b"content-type", b"application/x-www-form-urlencoded")),
    "strict form": asked({}, (b"content-type", b"multipart/form-data"), server="strict"),
    "content encoding": asked({}, (b"content-encoding", b"gzip")),
    "accept encoding": asked({}, (b"accept-encoding", b"gzip")),
    "close": asked({}, (b"connection", b"close")),
    "Close": asked({}, (b"connection", b"Close")),
    "close among others": asked({}, (b"connection", b"close, te")),
    "response": response(body="hello"),
    "response in JSON": response(body={"a": 1}, json=True),
    "response of nothing": response(status=204, body=""),
    "response not modified": response(status=304, body=""),
    "response of an odd status": response(status=799, body="odd"),
    "response of an error": response(status=503, body="mine", headers={"Retry-After": "7"}),
    "response that has failed": response(body="x", failed=True),
    "response with our headers": response(body="x", headers={"X-Request-Id": "theirs", "Date": "never"}),
    "response that closes": response(body="x", headers={"Connection": "close"}),
    "response with a length": response(body="x", headers={"Content-Length": "77"}),
    "response in pieces": response(pieces=40, ending=""),
    "response of no pieces": response(pieces=0, ending=""),
    "response that breaks off": response(pieces=3, ending="broken"),
    "schema": asked({"data": [[1, 2], [3, 4]]}, (b"content-type", b"application/json"), server="schema"),
    "schema without a type": asked({"data": [[1, 2]]}, server="schema"),
    "schema of other columns": asked({"data": [[1]]}, (b"content-type", b"application/json"), server="schema"),
    "schema without the parameter": asked({}, (b"content-type", b"application/json"), server="schema"),
    "schema of text": Case("schema", b"{", ((b"content-type", b"application/json"),)),
    "schema that raises": asked({"data": [[13, 2]]}, (b"content-type", b"application/json"), server="schema"),
    # Chunked, or with Expect, it has other headers to tell of.
    "headers": asked({}, (b"x-mine", b"1"), (b"x-mine", b"2"), server="headers")._replace(detours=_SAME_HEADERS),
    "infer": tensors({"do": "echo"}),
    **{f"infer result {what}": tensors({"do": "return", "what": what}) for what in RESULTS},
    "infer raise": tensors({"do": "raise"}),
    "infer exit": tensors({"do": "exit"}),
    "infer response": tensors({"do": "respond", "status": 200, "body": "hello"}),
    "infer response of an error": tensors({"do": "respond", "status": 418, "body": "mine"}),
    "infer response in pieces": tensors({"do": "respond", "status": 200, "pieces": 9, "ending": ""}),
    "infer response that breaks off": tensors({"do": "respond", "status": 200, "pieces": 3, "ending": "broken"}),
    "infer response too long": tensors({"do": "respond", "status": 200, "pieces": 30, "size": 100_000, "ending": ""}),
    "infer an output that is not there": tensors({"a": 1, "b": 2}, outputs=[{"name": "b"}, {"name": "c"}]),
    "infer in binary": tensors({"do": "return", "what": "list"}, parameters={"binary_data_output": True}),
    "infer not JSON": infer(b"{"),
    "infer empty": infer(b""),
    "infer of no inputs": infer({"inputs": []}),
    "infer a bad length": infer({"inputs": []}, (BINARY, b"x")),
    "infer id too long": tensors({}, (b"x-request-id", b"x" * 101))._replace(detours=_UNREAD),
    "infer over the limit": infer(b"[" + b"1" * 2_000_000)._replace(detours=_UNREAD),
    "infer costly JSON": infer({"inputs": [MANY]}),
    "infer close": tensors({}, (b"connection", b"Close")),
    "infer rows": infer({"inputs": [MATRIX]}, server="schema"),
    "infer rows that raise": infer({"inputs": [{**MATRIX, "data": [13, 2, 3, 4]}]}, server="schema"),
    "infer raw bytes": infer(struct.pack("<4d", 1, 2, 3, 4), (BINARY, b"0"), server="schema"),
    "infer of other columns": infer({"inputs": [{**MATRIX, "shape": [4, 1]}]}, server="schema"),
}
DETOURS = ("query", "chunked", "expect", "absolute")
SERVERS: dict[str, tuple[str, dict[str, str]]] = {
    "text": (TEXT, {}),
    "strict": (TEXT, {"LOCALMODEL_STRICT_PARITY": "true"}),
    "hasty": (TEXT, {"SCORING_TIMEOUT_MS": "300"}),
    "schema": (SCHEMA, {}),
    "headers": (HEADERS, {}),
}
# Figures that grow by the seconds that something takes, or by this test's own looks.
_UNSTEADY = re.compile(r"(process_|localmodel_(memory|queue|requests_in|workers|serving)|.*_(sum|created|bucket)\b)")
# Lines that are not of the request, or come when they come: a worker that is lost, and what replaces it.
_ELSEWHERE = re.compile(r" GET /|deprecated|can be forked|; starting another|hread 0x|^  File|^Fatal|^$|^Extension")


@pytest.fixture(scope="module")
def server_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ScoringServer]]:
    """The server of a name, which is started when it is first asked for."""
    with ExitStack() as stack:
        running: dict[str, ScoringServer] = {}

        def get(name: str) -> ScoringServer:
            if name not in running:
                script, variables = SERVERS[name]
                variables = {"LOCALMODEL_REVISION": "r-1", "LOCALMODEL_MAX_REQUEST_BYTES": "2000000", **variables}
                running[name] = stack.enter_context(serving(tmp_path_factory.mktemp(name), script, **variables))
            return running[name].wait_until_ready()

        yield get


def wire(case: Case, detour: str = "") -> bytes:
    path = {"query": case.path + b"?", "absolute": b"http://localhost" + case.path}.get(detour, case.path)
    headers = [(b"Host", b"localhost"), *case.headers]
    body = case.body
    if detour == "chunked":
        headers.append((b"Transfer-Encoding", b"chunked"))
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    else:
        headers.append((b"Content-Length", b"%d" % len(body)))
    if detour == "expect":
        headers.append((b"Expect", b"100-continue"))
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"POST %b HTTP/1.1\r\n%b\r\n%b" % (path, b"".join(lines), body)


def counters(server: ScoringServer) -> dict[str, float]:
    lines = server.get("/metrics").body.decode().splitlines()
    figures = (line.rpartition(" ") for line in lines if not line.startswith("#") and not _UNSTEADY.match(line))
    return {name: float(value) for name, _, value in figures}


def ask(server: ScoringServer, request: bytes) -> Answer:
    before, start = counters(server), len(server.log)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        try:
            body = reply.read()
        except http.client.IncompleteRead as error:
            body = error.partial + b" and is cut off"
        is_kept = not reply.will_close and b"HTTP/1.1" in asked_again(connection)
    headers = sorted((name.lower(), steady(name.lower(), value)) for name, value in reply.getheaders())
    return Answer(reply.status, reply.reason, headers, body, is_kept, *seen(server, before, start))


def asked_again(connection: socket.socket) -> bytes:
    """The answer to another request on a connection; nothing where it has been closed."""
    try:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return connection.recv(1000)
    except ConnectionError:
        return b""


def seen(server: ScoringServer, before: dict[str, float], start: int) -> tuple[dict[str, float], list[str]]:
    """What has been counted and logged since."""
    after = counters(server)
    counted = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    text = server.log
    begin = text.rfind("\n", 0, start) + 1  # a line may have been half written then
    whole, _, _ = text[begin:].rpartition("\n")  # behind it, a line may be being written
    lines = [re.sub(r"^\S+Z | \d+\.\d$", "", line) for line in whole.splitlines()]
    lines = [re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b", "MADE-UP", line) for line in lines]
    return counted, [line for line in lines if not _ELSEWHERE.search(line)]


def steady(name: str, value: str) -> str:
    if name in ("date", "x-ms-run-fn-exec-ms"):
        return "..."
    return "MADE-UP" if re.fullmatch(r"[0-9a-f]{8}-[0-9a-f-]{27}", value) else value


def goes_below(request: bytes, server: ScoringServer) -> bool:
    """Whether the request is answered below the application: uvicorn's default headers come first on the other path."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        return not connection.recv(1 << 16).split(b"\r\n")[1].startswith(b"date:")


@pytest.mark.parametrize("path", [b"/score", b"/v2/models/model/infer"])
def test_requests_take_the_fast_path_and_detours_do_not(server_of: Callable[[str], ScoringServer], path: bytes) -> None:
    case = tensors({}) if path != b"/score" else asked({})
    server = server_of("text")
    assert goes_below(wire(case), server)
    for detour in DETOURS:
        if detour != "expect":  # whose first answer is 100
            assert not goes_below(wire(case, detour), server), detour


@pytest.mark.parametrize("name", CASES)
def test_both_paths_answer_alike(server_of: Callable[[str], ScoringServer], name: str) -> None:
    case = CASES[name]
    plain, *others = (ask(server_of(case.server), wire(case, detour)) for detour in ("", *(case.detours or DETOURS)))
    for detour, other in zip(case.detours or DETOURS, others, strict=True):
        if case.server == "hasty":  # the killed worker writes where it was, between the server's lines
            assert other._replace(logged=[]) == plain._replace(logged=[]), detour
        else:
            assert other == plain, detour


def gauge(server: ScoringServer, name: str) -> int:
    found = re.search(rf"^localmodel_{name} (\d+)", server.get("/metrics").body.decode(), re.MULTILINE)
    return int(float(found[1])) if found else 0


def leave(server: ScoringServer, request: bytes, has_come: Callable[[], bool], name: str) -> None:
    """Send a request, and close the connection when it has come."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(request)
        eventually(has_come, server)
    eventually(lambda: f" {name} POST " in server.log, server)
    eventually(lambda: gauge(server, "requests_in_flight") == 0, server)


@pytest.mark.parametrize("make", [asked, tensors])
@pytest.mark.parametrize("where", ["in its body", "in line", "at the worker"])
def test_both_paths_take_note_of_a_client_that_leaves(
    server_of: Callable[[str], ScoringServer], where: str, make: Callable[..., Case]
) -> None:
    server = server_of("text")
    found = []
    for detour in ("", "query"):
        name = f"{where.replace(' ', '-')}-{make.__name__}-{detour or 'plain'}"
        request = wire(make({"do": "sleep", "seconds": 0.5}, (b"x-request-id", name.encode())), detour)
        before, start = counters(server), len(server.log)
        with ThreadPoolExecutor(1) as executor:
            if where == "in its body":
                leave(server, request[:-5], lambda: True, name)
            elif where == "at the worker":
                leave(server, request, lambda: gauge(server, "requests_in_flight") == 1, name)
            else:
                slow = executor.submit(server.score, {"do": "sleep", "seconds": 1})
                eventually(lambda: gauge(server, "requests_in_flight") == 1, server)
                leave(server, request, lambda: gauge(server, "queue_depth") == 1, name)
                assert slow.result().status == 200
        counted, logged = seen(server, before, start)
        found.append((counted, [line.replace(name, "NAME") for line in logged if name in line]))
    assert found[0] == found[1]
    assert found[0][1][0].startswith("INFO NAME POST ")
