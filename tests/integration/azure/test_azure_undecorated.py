"""Scripts without decorators: run() gets the request's text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_scripts import JSON, STRICT, serving
from support.server.scoring_server_process import Reply, ScoringServer

ECHO = """
def init():
    pass

def run(anything, second="its default"):
    return [anything, type(anything).__name__, second]
"""
RESULT = """
import collections
import enum

def init():
    pass

Pair = collections.namedtuple("Pair", "a b")

class Color(enum.IntEnum):
    RED = 1

def run(data):
    return eval(data)
"""
HEADERS = """
def init():
    pass

def run(request_headers, data):
    return {"type": type(request_headers).__name__, "headers": request_headers, "data": data}
"""
ASYNC = """
import asyncio

async def init():
    global lock
    lock = asyncio.Lock()

async def run(data):
    async with lock:
        await asyncio.sleep(0)
        return {"got": data}
"""
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("echo"), ECHO) as server:
        yield server


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("results"), RESULT) as server:
        yield server


@pytest.mark.parametrize(
    "text", ['{"a":1}', " [1, 2]\n", "", "no json", "h\u00e9 \U0001f40d", '\ufeff{"a": 1}', "\x00"]
)
def test_the_body_arrives_as_it_was_sent(echo: ScoringServer, text: str) -> None:
    assert echo.score(text.encode()).json == [text, "str", "its default"]
    assert echo.score(text.encode(), JSON).json[0] == text


def test_a_query_beside_a_body_is_no_data(echo: ScoringServer) -> None:
    assert echo.request("POST", "/score?second=x", b"body").json == ["body", "str", "its default"]


def test_a_get_brings_its_query_as_json(echo: ScoringServer) -> None:
    assert echo.get("/score").json[0] == "{}"
    assert echo.get("/score?a=1&b=[1,2]&c=a%20b&a=null").json[0] == '{"a": [1, null], "b": [1, 2], "c": "a b"}'


def test_a_browser_that_opens_the_address_is_told_how_to_ask(tmp_path: Path) -> None:
    with serving(
        tmp_path / "app", "import json\ndef init(): pass\ndef run(data): return json.loads(data)['a']"
    ) as server:
        reply = server.request("GET", "/score", headers=BROWSER)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert f"-d @request.json http://127.0.0.1:{server.port}/score" in reply.body.decode()
        assert reply.headers["x-ms-run-function-failed"] == "False"
        assert "Traceback" not in server.log
        assert "localmodel_requests_total{" not in server.get("/metrics").body.decode(), "it is no request to score"
        assert server.request("GET", "/score?a=1", headers=BROWSER).json == 1, "with a query it asks"
        assert server.get("/score").status == 500, "and other programs do"


def test_a_form_is_text_too(echo: ScoringServer) -> None:
    assert echo.score(b"a=1&b=2", FORM).json[0] == "a=1&b=2"


def test_bytes_that_are_no_text_are_the_clients_fault(echo: ScoringServer) -> None:
    reply = echo.score(b"ab\xff")
    assert reply.status == 400
    assert "byte 2" in reply.message
    assert reply.headers["x-ms-run-function-failed"] == "False"


def test_options_never_reaches_the_script(echo: ScoringServer) -> None:
    reply = echo.request("OPTIONS", "/score")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert "x-ms-run-fn-exec-ms" not in reply.headers


@pytest.mark.parametrize(
    ("value", "body"),
    [
        ("None", "{}"),
        ("'a'", '"a"'),
        ("'[1, 2]'", '"[1, 2]"'),
        ("[1, 2.5, None, True]", "[1, 2.5, null, true]"),
        ("{'b': 1, 'a': '\\u00e9'}", '{"b": 1, "a": "\\u00e9"}'),
        ("{1: 2, None: 3, True: 4}", '{"1": 4, "null": 3}'),
        ("(1, 2)", "[1, 2]"),
        ("Pair(1, 2)", "[1, 2]"),
        ("Color.RED", "1"),
        ("10 ** 30", "1000000000000000000000000000000"),
        ("'\\ud800'", '"\\ud800"'),
        ("1e22", "1e+22"),
    ],
)
def test_results_are_written_as_the_original_writes_them(results: ScoringServer, value: str, body: str) -> None:
    reply = results.score(value.encode())
    assert (reply.status, reply.body.decode()) == (200, body)
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("value", ["{1}", "b'x'", "{(1, 2): 3}", "object()", "float('nan')", "[float('inf')]"])
def test_what_is_no_json_is_an_error_of_the_result(results: ScoringServer, value: str) -> None:
    reply = results.score(value.encode())
    assert reply.status == 500
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert "x-ms-run-fn-exec-ms" not in reply.headers
    assert "cannot be written as JSON" in reply.message


def test_an_error_inside_run(results: ScoringServer) -> None:
    reply = results.score(b"1/0")
    assert reply.status == 500
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert "ZeroDivision" not in reply.message


def test_strict_parity_writes_nan_bare_and_empties_forms(tmp_path: Path) -> None:
    with serving(tmp_path / "result", RESULT, **STRICT) as server:
        for value, body in {"float('nan')": b"NaN", "[float('-inf')]": b"[-Infinity]", "{1}": b""}.items():
            reply = server.score(value.encode())
            assert (reply.status, reply.body) == (200, body) if body else reply.status == 500
    with serving(tmp_path / "echo", ECHO, **STRICT) as server:
        assert server.score(b"a=1", FORM).json[0] == ""
        assert server.score(b"\xff", {"content-type": "multipart/form-data; boundary=x"}).json[0] == ""
        assert server.score(b"a=1", JSON).json[0] == "a=1"
        assert server.request("GET", "/score", headers=BROWSER).json[0] == "{}"


def test_request_headers_are_a_plain_dict(tmp_path: Path) -> None:
    with serving(tmp_path, HEADERS) as server:
        seen = headers_of(server.score(b"body", {"X-foo-BAR": "1", "content-type": "text/plain"}))
        assert seen["X-Foo-Bar"] == "1"
        assert seen["Content-Type"] == "text/plain"
        assert seen["Content-Length"] == "4"
        assert seen["Host"] == f"127.0.0.1:{server.port}"
        connection = server.connect()
        connection.putrequest("POST", "/score")
        for name, value in [("x-many", "1"), ("X-Many", "2"), ("content-length", "0")]:
            connection.putheader(name, value)
        connection.endheaders()
        assert '"X-Many": "1, 2"' in connection.getresponse().read().decode()


def headers_of(reply: Reply) -> dict[str, str]:
    assert (reply.json["type"], reply.json["data"]) == ("dict", "body")
    return dict(reply.json["headers"])


def test_coroutines_share_one_loop(tmp_path: Path) -> None:
    with serving(tmp_path, ASYNC) as server:
        assert [server.score(b"x").json for _ in range(2)] == [{"got": "x"}] * 2
