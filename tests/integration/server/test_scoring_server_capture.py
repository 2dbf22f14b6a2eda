"""A server keeps requests and answers, whatever road they take; a value that is redacted is nowhere in its files."""

from __future__ import annotations

import gzip
import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.server.scoring_server_process import Reply, ScoringServer, eventually, write_script

from localmodel_server.capture.ring import NEWER

SCRIPT = """
import json
from azureml.contrib.services.aml_response import AMLResponse

def init():
    pass

def run(text):
    data = json.loads(text)
    if "ssn" in data and data.get("do") == "raise":
        raise ValueError("cannot use " + data["ssn"])
    if data.get("do") == "respond":
        return AMLResponse("short and stout", 418)
    return {"echo": data}
"""
SECRET = "123-45-6789"


def wanted(percent: int = 100, redact: tuple[str, ...] = (), **others: Any) -> str:
    keep = {"requests": 100, "megabytes": 4}
    return json.dumps({"percent": percent, "keep": keep, "answers": True, "redact": redact, "headers": [], **others})


class Captured:
    """A server that captures, and what it has captured."""

    def __init__(self, root: Path, server: ScoringServer, variables: dict[str, str]) -> None:
        self.root = root
        self.server = server
        self._variables = variables

    def switch(self, revision: str, capture: str) -> None:
        """Have the running server load a revision that differs by what is captured."""
        write_revision(self.root, {**self._variables, "LOCALMODEL_CAPTURE": capture, "LOCALMODEL_REVISION": revision})
        self.server.signal(signal.SIGHUP)
        self.server.wait_until_ready(revision)

    def records(self) -> list[dict[str, Any]]:
        path = self.root / "capture" / NEWER
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def record_of(self, request_id: str) -> dict[str, Any]:
        """The record of one request, which is written soon after the answer."""
        kept: list[dict[str, Any]] = []

        def written() -> bool:
            kept[:] = [record for record in self.records() if record["id"] == request_id]
            return bool(kept)

        eventually(written, self.server)
        (record,) = kept
        return record


def write_revision(root: Path, variables: dict[str, str]) -> None:
    (root / "new.json").write_text(json.dumps({"environment": variables}))
    (root / "new.json").rename(root / "revision.json")


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    root = tmp_path_factory.mktemp("captured")
    variables = {
        **write_script(root / "app", SCRIPT),
        "LOCALMODEL_CAPTURE": wanted(),
        "LOCALMODEL_CAPTURE_FOLDER": str(root / "capture"),
        "LOCALMODEL_REVISION": "1",
        "LOCALMODEL_MODEL": "m:1@sha256:0",
    }
    write_revision(root, variables)
    with ScoringServer(root, {}, "--revision-file", str(root / "revision.json")) as server:
        server.wait_until_ready()
        yield Captured(root, server, variables)


BODY = json.dumps({"a": 1}).encode()
TENSOR = {"inputs": [{"name": "data", "shape": [1], "datatype": "FP64", "data": [1.0]}]}
Ask = Callable[[ScoringServer, dict[str, str]], Reply]
ROADS: dict[str, tuple[str, Ask]] = {
    "fast": ("azure", lambda server, ids: server.score(BODY, ids)),
    "response of the script": ("azure", lambda server, ids: server.score({"do": "respond"}, ids)),
    "query": ("azure", lambda server, ids: server.request("GET", "/score?a=1", headers=ids)),
    "with a query": ("azure", lambda server, ids: server.request("POST", "/score?b=2", BODY, ids)),
    "infer": (
        "open_inference",
        lambda server, ids: server.request("POST", "/v2/models/model/infer", json.dumps(TENSOR), ids),
    ),
    "infer, compressed": (
        "open_inference",
        lambda server, ids: server.request(
            "POST",
            "/v2/models/model/infer",
            gzip.compress(json.dumps(TENSOR).encode()),
            {**ids, "content-encoding": "gzip"},
        ),
    ),
    "predict": (
        "kserve_v1",
        lambda server, ids: server.request("POST", "/v1/models/model:predict", b'{"instances": [1]}', ids),
    ),
    "bad": ("azure", lambda server, ids: server.score(b"{", ids)),
    "other model": ("open_inference", lambda server, ids: server.request("POST", "/v2/models/no/infer", BODY, ids)),
}


@pytest.mark.parametrize("road", ROADS)
def test_every_road_is_captured_as_the_client_saw_it(captured: Captured, road: str) -> None:
    dialect, ask = ROADS[road]
    request_id = re.sub(r"\W", "-", road)
    reply = ask(captured.server, {"x-request-id": request_id, "content-type": "application/json"})
    record = captured.record_of(request_id)
    assert record["dialect"] == dialect
    assert (record["status"], record["answer"].encode()) == (reply.status, reply.body)
    assert record["answer_type"] == reply.headers["content-type"]
    assert (record["revision"], record["models"]) == ("1", "m:1@sha256:0")
    assert record["headers"].get("content-type") == "application/json"
    assert "left_out" not in record
    if road == "infer, compressed":
        assert json.loads(record["body"]) == TENSOR
    if road == "query":
        assert (record["method"], record["path"], record["query"], record["body"]) == ("GET", "/score", "a=1", "")


def test_probes_documents_and_metrics_are_no_requests_to_capture(captured: Captured) -> None:
    for path in ("/", "/readyz", "/metrics", "/swagger.json", "/v2/health/ready"):
        captured.server.get(path)
    captured.server.score(BODY, {"x-request-id": "after-probes"})
    captured.record_of("after-probes")
    assert {record["path"] for record in captured.records()} <= {
        "/score",
        "/v2/models/model/infer",
        "/v2/models/no/infer",
        "/v1/models/model:predict",
    }


def test_what_became_of_captured_requests_is_counted(captured: Captured) -> None:
    captured.server.score(BODY, {"x-request-id": "counted"})
    captured.record_of("counted")
    written = re.search(
        rb'localmodel_captured_requests_total\{result="written"\} (\d+)', captured.server.get("/metrics").body
    )
    assert written is not None
    assert int(written[1]) >= len(captured.records())


def test_an_edit_is_followed_without_a_restart_and_a_redacted_value_is_nowhere(captured: Captured) -> None:
    process = captured.server.process.pid
    captured.server.score({"ssn": SECRET}, {"x-request-id": "before"})
    assert SECRET in captured.record_of("before")["body"]
    captured.switch("2", wanted(redact=("$.ssn",), headers=["x-user"]))
    eventually(lambda: captured.records() == [], captured.server)
    requests: dict[str, tuple[object, dict[str, str]]] = {
        "echo": ({"ssn": SECRET}, {"x-user": SECRET}),
        "raise": ({"ssn": SECRET, "do": "raise"}, {}),
        "csv": (f"ssn\n{SECRET}".encode(), {"content-type": "text/csv"}),
    }
    for request_id, (body, headers) in requests.items():
        captured.server.score(body, {**headers, "x-request-id": request_id})
    eventually(lambda: len(captured.records()) == len(requests), captured.server)
    # Of a request that cannot be searched not even the client's id is kept.
    records = dict(zip(requests, captured.records(), strict=True))
    assert [record["id"] for record in records.values()][:2] == ["echo", "raise"]
    masked = json.loads(records["echo"]["body"])["ssn"]
    assert json.loads(records["echo"]["answer"]) == {"echo": {"ssn": masked}}
    assert records["echo"]["headers"]["x-user"] == masked
    assert records["echo"]["revision"] == "2"
    assert json.loads(records["raise"]["body"])["ssn"] == masked
    assert "not JSON" in records["csv"]["left_out"]["body"]
    kept = [path.read_bytes() for path in (captured.root / "capture").iterdir()]
    assert not [content for content in kept if SECRET.encode() in content]
    captured.switch("3", "")
    captured.server.score(BODY, {"x-request-id": "off"})
    captured.switch("4", wanted(percent=50))
    ids = [f"half-{number}" for number in range(8)]
    for request_id in ids:
        captured.server.score(BODY, {"x-request-id": request_id})
    eventually(lambda: len([r for r in captured.records() if r["id"] in ids]) == 4, captured.server)
    assert "off" not in [record["id"] for record in captured.records()]
    assert captured.server.process.pid == process


def test_what_waits_is_written_before_the_server_ends(tmp_path: Path) -> None:
    variables = {"LOCALMODEL_CAPTURE": wanted(), "LOCALMODEL_CAPTURE_FOLDER": str(tmp_path / "capture")}
    with ScoringServer(tmp_path, {**write_script(tmp_path / "app", SCRIPT), **variables}) as server:
        server.wait_until_ready()
        for _ in range(20):
            server.score(BODY)
        server.signal(signal.SIGTERM)
        server.process.wait(30)
    assert len((tmp_path / "capture" / NEWER).read_text().splitlines()) == 20


def test_a_folder_that_cannot_be_written_costs_no_request(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    variables = {"LOCALMODEL_CAPTURE": wanted(), "LOCALMODEL_CAPTURE_FOLDER": str(tmp_path / "file" / "capture")}
    with ScoringServer(tmp_path, {**write_script(tmp_path / "app", SCRIPT), **variables}) as server:
        server.wait_until_ready()
        assert [server.score(BODY).status for _ in range(20)] == [200] * 20
        eventually(lambda: b'result="failed"} 20' in server.get("/metrics").body, server)
        assert server.log.count("requests are not captured") == 1


def test_settings_that_cannot_be_used_are_refused_by_name(tmp_path: Path) -> None:
    variables = {"LOCALMODEL_CAPTURE": wanted(redact=("ssn",)), "LOCALMODEL_CAPTURE_FOLDER": str(tmp_path)}
    with ScoringServer(tmp_path, {**write_script(tmp_path / "app", SCRIPT), **variables}) as server:
        assert server.process.wait(30) == 2
        assert "LOCALMODEL_CAPTURE: redact: ssn: a path begins with $" in server.log
