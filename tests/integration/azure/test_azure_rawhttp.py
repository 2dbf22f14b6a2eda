"""Scripts with @rawhttp, with nothing of Azure ML or Flask installed: what they see of a request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_scripts import JSON, NUMPY, RAWHTTP, STRICT, serving
from support.server.scoring_server_process import Reply, ScoringServer, write_script
from support.user_environment import interpreter

SCRIPT = (
    RAWHTTP
    + """
def parts(request):
    return {
        "method": request.method, "path": request.path, "args": request.args.to_dict(flat=False),
        "content_type": request.content_type, "mimetype": request.mimetype, "is_json": request.is_json,
        "content_length": request.content_length, "query": request.query_string.decode(),
        "values": request.values.to_dict(flat=False), "cookies": dict(request.cookies),
        "data": request.get_data(False).decode("latin-1"), "same": request.data == request.get_data(),
        "is_request": isinstance(request, AMLRequest), "stream": request.stream.read().decode("latin-1"),
    }

def form(request):
    files = []
    for name in request.files:
        for each in request.files.getlist(name):
            first = each.stream.read(2)
            files.append([name, each.filename, each.content_type, first.hex(), each.read().hex()])
    return {"form": request.form.to_dict(flat=False), "files": files}

def headers(request):
    return {"all": dict(request.headers), "one": request.headers["x-FOO"], "none": request.headers.get("X-None")}

DO = {
    "parts": parts, "form": form, "headers": headers,
    "json": lambda request: request.get_json(),
    "json-property": lambda request: request.json,
    "json-forced": lambda request: request.get_json(force=True),
    "json-silent": lambda request: [request.get_json(force=True, silent=True)],
    "text": lambda request: request.get_data(as_text=True),
    "field": lambda request: request.form["age"],
    "header": lambda request: request.headers["X-None"],
    "own-key": lambda request: {}["age"],
}

@rawhttp
def run(request):
    return DO[request.args.get("do", "parts")](request)
"""
)
UPLOADS = (
    b'--BB\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xc3\xa9t\xc3\xa9\r\n'
    b'--BB\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n'
    b"\r\n\x89PNG\r\n"
    b'--BB\r\nContent-Disposition: form-data; name="image"; filename="b.bin"\r\n\r\n\x00\xff\r\n--\r\n'
    b'--BB\r\nContent-Disposition: form-data; name="title"\r\n\r\ntwo\r\n--BB--\r\n'
)
MULTIPART = {"content-type": "multipart/form-data; boundary=BB"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("rawhttp"), SCRIPT) as server:
        yield server


def ask(server: ScoringServer, do: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
    return server.request("POST", f"/score?do={do}", body, headers)


def test_a_post(server: ScoringServer) -> None:
    headers = {"content-type": "Image/PNG; q=1", "cookie": "a=1; b=2"}
    seen = server.request("POST", "/score?a=1&a=%C3%A9&b=", b"\x89\x00\xff", headers).json
    assert seen == {
        "method": "POST",
        "path": "/score",
        "args": {"a": ["1", "\u00e9"], "b": [""]},
        "content_type": "Image/PNG; q=1",
        "mimetype": "image/png",
        "is_json": False,
        "content_length": 3,
        "query": "a=1&a=%C3%A9&b=",
        "values": {"a": ["1", "\u00e9"], "b": [""]},
        "cookies": {"a": "1", "b": "2"},
        "data": "\x89\x00\xff",
        "same": True,
        "is_request": True,
        "stream": "\x89\x00\xff",
    }


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_other_methods_reach_the_script(server: ScoringServer, method: str) -> None:
    reply = server.request(method, "/score?a=1")
    assert (reply.status, reply.json["method"], reply.json["args"]) == (200, method, {"a": ["1"]})
    assert "x-ms-run-fn-exec-ms" in reply.headers


def test_methods_that_azure_ml_refuses(server: ScoringServer) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert server.request(method, "/score", b"x").status == 405


def test_headers(server: ScoringServer) -> None:
    seen = ask(server, "headers", b"x", {"x-foo": "1"}).json
    assert (seen["one"], seen["none"], seen["all"]["X-Foo"]) == ("1", None, "1")


def test_json(server: ScoringServer) -> None:
    for do in ("json", "json-property", "json-forced"):
        assert ask(server, do, b'{"a": [1]}', JSON).json == {"a": [1]}
    assert ask(server, "json-forced", b"[1]", {"content-type": "text/plain"}).json == [1]
    assert ask(server, "json-silent", b"{", JSON).json == [None]
    assert ask(server, "text", "h\u00e9".encode()).json == "h\u00e9"


def test_forms(server: ScoringServer) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    seen = ask(server, "form", b"a=1&b=%20x&a=2", headers).json
    assert seen == {"form": {"a": ["1", "2"], "b": [" x"]}, "files": []}


def test_several_uploads_and_their_streams(server: ScoringServer) -> None:
    seen = ask(server, "form", UPLOADS, MULTIPART).json
    assert seen["form"] == {"title": ["\u00e9t\u00e9", "two"]}
    assert seen["files"] == [
        ["image", "a.png", "image/png", "8950", "4e47"],
        ["image", "b.bin", None, "00ff", "0d0a2d2d"],
    ]


@pytest.mark.parametrize(
    ("do", "body", "headers", "status", "words"),
    [
        ("json", b"{", JSON, 400, "not JSON"),
        ("json", b"", JSON, 400, "empty"),
        ("json", b"{}", {}, 415, "application/json"),
        ("field", b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 400, "no 'age'"),
        ("header", b"", {}, 400, "no 'X-None'"),
        ("form", UPLOADS[:-20], MULTIPART, 400, "closing boundary"),
        ("form", b"x", {"content-type": "multipart/form-data"}, 400, "boundary"),
    ],
)
def test_what_a_client_left_out_or_got_wrong_is_told(
    server: ScoringServer, do: str, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    reply = ask(server, do, body, headers)
    assert reply.status == status
    assert words in reply.message
    assert reply.headers["x-ms-run-function-failed"] == "False"


def test_a_missing_key_of_the_scripts_own_is_its_own_fault(server: ScoringServer) -> None:
    reply = ask(server, "own-key")
    assert (reply.status, reply.headers["x-ms-run-function-failed"]) == (500, "True")


def test_under_strict_parity_every_error_inside_run_is_a_500(tmp_path: Path) -> None:
    with serving(tmp_path, SCRIPT, **STRICT) as server:
        for do in ("json", "field", "header"):
            reply = ask(server, do, b"{", JSON)
            assert (reply.status, reply.headers["x-ms-run-function-failed"]) == (500, "True")


def test_rawhttp_through_a_decorator_that_hides_what_it_wraps(tmp_path: Path) -> None:
    script = """
def counted(function):
    def inner(request):
        return function(request)
    return inner

@counted
@rawhttp
def run(request):
    return request.method
"""
    with serving(tmp_path, RAWHTTP + script) as server:
        assert server.score(b"x").json == "POST"


def test_rawhttp_with_a_schema_is_refused(tmp_path: Path) -> None:
    script = NUMPY + RAWHTTP + '@rawhttp\n@input_schema("a", StandardPythonParameterType(1))\ndef run(a): return a\n'
    variables = {**write_script(tmp_path / "app", script), "LOCALMODEL_PYTHON": interpreter()}
    with ScoringServer(tmp_path, variables) as server:
        assert server.wait_for_end() == 3
        assert "run() cannot have both @rawhttp and @input_schema" in server.log
