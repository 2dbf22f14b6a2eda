"""AML_CORS_ORIGINS on a real server: what a browser asks and is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_scripts import RAWHTTP, serving
from support.server.scoring_server_process import ScoringServer

SCRIPT = "def init(): pass\ndef run(data): return data\n"
OURS, THEIRS = {"origin": "http://a.test"}, {"origin": "http://c.test"}
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type, x-own"}
ALLOW_ORIGIN = "access-control-allow-origin"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    origins = "http://a.test, http://b.test"
    with serving(tmp_path_factory.mktemp("cors"), SCRIPT, AML_CORS_ORIGINS=origins) as server:
        yield server


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/score", b"x"),
        ("POST", "/score", b"\xff"),
        ("GET", "/swagger.json", None),
        ("GET", "/nothing", None),
        ("GET", "/", None),
    ],
)
def test_answers_are_for_the_named_origins(server: ScoringServer, method: str, path: str, body: bytes | None) -> None:
    allowed = server.request(method, path, body, OURS).headers
    assert (allowed[ALLOW_ORIGIN], allowed["vary"]) == ("http://a.test", "Origin")
    assert server.request(method, path, body).headers["vary"] == "Origin"
    refused = server.request(method, path, body, THEIRS)
    assert refused.status == 403
    assert ALLOW_ORIGIN not in refused.headers


def test_a_browser_asks_first(server: ScoringServer) -> None:
    for path in ("/score", "/v2/models/model/infer", "/swagger.json"):
        reply = server.request("OPTIONS", path, None, OURS | PREFLIGHT)
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers[ALLOW_ORIGIN] == "http://a.test"
        assert {"GET", "POST"} <= set(reply.headers["access-control-allow-methods"].split(", "))
        assert reply.headers["access-control-allow-headers"] == "content-type, x-own"
    reply = server.request("OPTIONS", "/score", None, THEIRS | PREFLIGHT)
    assert reply.status == 403
    assert ALLOW_ORIGIN not in reply.headers


def test_any_origin(tmp_path: Path) -> None:
    with serving(tmp_path, SCRIPT, AML_CORS_ORIGINS="*") as server:
        assert server.score(b"x", THEIRS).headers[ALLOW_ORIGIN] == "*"
        assert server.score(b"x").headers[ALLOW_ORIGIN] == "*"


def test_off_unless_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, SCRIPT) as server:
        foreign = [server.score(b"x", OURS), server.request("OPTIONS", "/score", None, OURS | PREFLIGHT)]
        assert [reply.status for reply in foreign] == [403, 403]
        for reply in (server.score(b"x"), *foreign):
            assert not [name for name in reply.headers if name.startswith("access-control") or name == "vary"]


def test_a_rawhttp_script_does_not_see_the_browsers_question(tmp_path: Path) -> None:
    script = RAWHTTP + "@rawhttp\ndef run(request):\n    return request.method\n"
    with serving(tmp_path, script, AML_CORS_ORIGINS="*") as server:
        assert server.request("OPTIONS", "/score", None, OURS | PREFLIGHT).body == b""
        assert server.request("OPTIONS", "/score", None, OURS).json == "OPTIONS"
