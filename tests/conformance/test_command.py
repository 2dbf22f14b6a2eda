"""lmd conformance against servers that speak the protocols, and against one that does not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner, Result

from localmodel.cli import app


class Careless(BaseHTTPRequestHandler):
    """Says yes to everything."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        body = b'{"models": ["digits"]}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def careless() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _conformance(*arguments: str) -> Result:
    return CliRunner().invoke(app.main, ["conformance", *arguments])


@pytest.mark.parametrize("script", ["echo", "arrays", "tables"])
def test_our_server_passes_whatever_the_script_takes(script: str, request: pytest.FixtureRequest) -> None:
    result = _conformance(f"http://{request.getfixturevalue(script)}", "-o", "json")
    findings = json.loads(result.stdout)
    assert [finding for finding in findings if not finding["ok"]] == []
    assert result.exit_code == 0 and len(findings) > 50


def test_what_a_script_answers_to_values_that_fit_is_not_a_refusal(arrays: str) -> None:
    remarks = {
        each["name"]: each["remark"] for each in json.loads(_conformance(f"http://{arrays}", "-o", "json").stdout)
    }
    for name in ("Azure: score an object", "v2: infer, flat data", "v2: infer, binary output", "v1: predict instances"):
        assert (name, remarks[name]) == (name, "")


def test_a_server_that_does_not_is_told_what_is_wrong(careless: str) -> None:
    result = _conformance(careless, "-o", "json")
    wrong = {each["name"]: each["remark"] for each in json.loads(result.stdout) if not each["ok"]}
    assert result.exit_code == 1
    assert wrong["v2: server is ready"] == "GET /v2/health/ready: expected ready to be true, got null"
    assert wrong["v2: unknown model"].startswith(
        "POST /v2/models/no-such-model/infer: expected status 404 or 400, got 200"
    )
    assert "expected predictions in the answer" in wrong["MLflow: CSV"]
    assert "SageMaker: ping" not in wrong
    table = _conformance(careless, "--model", "digits")
    assert table.exit_code == 1 and "v2: server is ready                NO   GET /v2/health/ready" in table.stdout


def test_a_server_that_is_not_there_is_one_error() -> None:
    result = _conformance("http://127.0.0.1:1")
    assert result.exit_code == 1 and result.stdout == ""
    assert "http://127.0.0.1:1: GET /v2/health/live: no answer" in result.stderr
    result = _conformance("localhost:5001")
    assert result.exit_code == 1 and "give one like http://localhost:5001" in result.stderr
