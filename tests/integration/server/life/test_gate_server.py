"""The gate in a real server: what passes serves, what does not leaves the old revision serving."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.server.scoring_server_process import (
    BARE_PYTHON,
    Load,
    RevisionFile,
    ScoringServer,
    eventually,
    write_script,
)

SCRIPT = """
import json, os, time
from azureml.contrib.services.aml_response import AMLResponse

def init(): pass

def run(data):
    asked = json.loads(data)
    if asked == "raise":
        return {}["age"]
    if asked == "exit":
        os._exit(7)
    if asked == "endless":
        return AMLResponse((b"x" * 1000000 for _ in iter(int, 1)), 200)
    if isinstance(asked, dict) and "sleep" in asked:
        time.sleep(asked["sleep"])
    return {"name": NAME, "got": asked, "predictions": [2, 0.25], "odd key": None}
"""
DATA = {"body": "[1]"}


def digit(**expect: Any) -> dict[str, Any]:
    return {"name": "digit", "body": "[1]", "expect": expect}


class Gated(RevisionFile):
    """A revision file whose revisions have a gate beside them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def want(self, name: str, *requests: Any, text: str | None = None, **variables: str) -> None:
        gate = self.folder / f"gate-{name}.json"
        gate.write_text(text or json.dumps(requests))
        script = f"NAME = {name!r}\n" + SCRIPT
        self.write(name, script, LOCALMODEL_GATE=str(gate), LOCALMODEL_CONTENT=name, **variables)


@pytest.fixture
def revision(tmp_path: Path) -> Gated:
    return Gated(tmp_path)


@pytest.fixture
def server(revision: Gated, tmp_path: Path) -> Iterator[ScoringServer]:
    revision.want("old", DATA)
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        yield server.wait_until_ready("old")


def failure(revision: Gated, server: ScoringServer, name: str) -> tuple[str, str]:
    """Reason and text of a load that failed."""
    server.signal_reload()
    eventually(lambda: revision.status.get("wanted") == name, server)
    status = revision.status
    return status["reason"], status["error"]


def test_what_passes_serves_by_every_dialect(revision: Gated, server: ScoringServer) -> None:
    tensor = {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}]}
    revision.want(
        "new",
        digit(json={"name": "new", "got": [1.0], "predictions": [2, 0.2], "odd key": None}, tolerance=0.1),
        digit(fields=[{"path": "$.predictions[-1]", "equals": 0.25}, {"path": '$["odd key"]', "equals": None}]),
        {"method": "GET", "path": "/score?a=1&a=2", "expect": {"fields": [{"path": "$.got.a", "equals": [1, 2]}]}},
        {"body": '"raise"', "expect": {"status": 500, "maxMilliseconds": 10_000}},
        {"path": "/v2/models/model/infer", "body": json.dumps(tensor), "expect": {"status": 200}},
        {"path": "/invocations", "body": json.dumps({"inputs": [5]})},
        {"method": "GET", "path": "/v2/health/ready"},
        {"path": "/nowhere", "expect": {"status": 404}},
        WORKER_COUNT="2",
    )
    server.signal_reload()
    server.wait_until_ready("new")
    assert revision.status["error"] is None
    assert [server.score([n]).json["got"] for n in range(5)] == [[n] for n in range(5)]
    assert "gate: request 1 (digit): status 200" in server.log and "gate: passed, 8 of 8" in server.log
    assert "request gate-4: run() failed" in server.log, "its traceback is found by the request's number"


def test_requests_of_the_gate_are_no_requests_of_clients(revision: Gated, server: ScoringServer) -> None:
    revision.want("new", *[DATA] * 5, {"method": "GET", "path": "/metrics"})
    server.signal_reload()
    server.wait_until_ready("new")
    server.score([1])
    counted = server.get("/metrics").body.decode()
    assert 'localmodel_requests_total{dialect="azure",status="200"} 1.0' in counted
    assert "localmodel_worker_restarts_total{" not in counted
    assert server.log.count("POST /score 200") == 1
    assert "gate-" not in server.log.replace("/gate-", ""), "only what goes wrong names the ids of the gate"


def test_what_fails_leaves_the_old_revision_serving_and_loses_nothing(revision: Gated, server: ScoringServer) -> None:
    at = "gate: request 2 (digit): "
    cases: list[tuple[dict[str, Any], str]] = [
        (digit(fields=[{"path": "$.predictions[0]", "equals": 7}]), at + "$.predictions[0]: expected 7, got 2"),
        (digit(fields=[{"path": "$.labels[0]", "equals": 7}]), at + "$.labels[0]: expected 7, got nothing"),
        (
            digit(json=[2]),
            at + '$: expected [2], got {"name": "r2", "got": [1], "predictions": [2, 0.25], "odd key": null}',
        ),
        (
            digit(fields=[{"path": "$.predictions", "equals": [2, 0.2], "tolerance": 0.01}]),
            at + "$.predictions[1]: expected 0.2 within 0.01, got 0.25",
        ),
        (digit(status=201), at + "status: expected 201, got 200: "),
        ({"body": '"raise"'}, "gate: request 2: status: expected 200, got 500: score.py:11: KeyError: 'age'"),
        ({"body": '"exit"'}, "gate: request 2: status: expected 200, got 500: the worker process died (exit code 7)"),
        ({"body": '"endless"'}, "gate: request 2: the answer is longer than 67108864 bytes"),
        (
            {"body": '{"sleep": 3}'},
            "gate: request 2: status: expected 200, got 500: run() took longer than 1000 ms (SCORING_TIMEOUT_MS)",
        ),
        ({"path": "/nowhere"}, "gate: request 2: status: expected 200, got 404: there is nothing at /nowhere"),
    ]
    with Load(server, clients=2) as load:
        for number, (request, said) in enumerate(cases):
            revision.want(f"r{number}", DATA, request, digit(json="never asked"), SCORING_TIMEOUT_MS="1000")
            reason, error = failure(revision, server, f"r{number}")
            assert reason == "GateFailed" and error.startswith(said), error
            assert "\n" not in error and len(error) < 300
            assert revision.status["serving"] == "old"
            assert ("KeyError" in (revision.status["traceback"] or "")) == ("raise" in str(request))
    assert load.errors == []
    assert {(status, header) for status, header, _ in load.answers} == {(200, "old")}
    assert server.get("/readyz").json == {"revision": "old"}
    assert "localmodel_worker_restarts_total{" not in server.get("/metrics").body.decode()


def test_an_answer_that_is_too_slow(revision: Gated, server: ScoringServer) -> None:
    revision.want("new", {"body": '{"sleep": 0.2}', "expect": {"maxMilliseconds": 100}})
    reason, error = failure(revision, server, "new")
    assert reason == "GateFailed"
    told = re.fullmatch(r"gate: request 1: took (\d+) ms; the limit is 100 ms", error)
    assert told and int(told[1]) >= 200, error


def test_fixing_the_gate_alone_proves_again(revision: Gated, server: ScoringServer) -> None:
    revision.want("new", digit(fields=[{"path": "$.predictions[0]", "equals": 7}]))
    assert failure(revision, server, "new")[0] == "GateFailed"
    (revision.folder / "gate-new.json").write_text(json.dumps([digit(fields=[{"path": "$.got", "equals": [1]}])]))
    server.signal_reload()
    server.wait_until_ready("new")
    assert server.score(5).json["name"] == "new"
    # And back to what served before, which has to prove itself too.
    revision.want("old", digit(fields=[{"path": "$.name", "equals": "new"}]))
    assert failure(revision, server, "old") == (
        "GateFailed",
        'gate: request 1 (digit): $.name: expected "new", got "old"',
    )
    revision.want("old", digit(fields=[{"path": "$.name", "equals": "old"}]))
    server.signal_reload()
    server.wait_until_ready("old")
    assert server.score(5).json["name"] == "old"


def test_a_gate_that_cannot_be_read_is_told(revision: Gated, server: ScoringServer) -> None:
    revision.want("new", text='[{"expect": {"jsn": 1}}]')
    server.signal_reload()
    eventually(lambda: revision.status["error"] == "gate: requests[0].expect.jsn: unknown field", server)
    assert revision.status["reason"] == "SettingsInvalid"
    revision.want("newer")
    (revision.folder / "gate-newer.json").unlink()
    server.signal_reload()
    eventually(lambda: (revision.status["error"] or "").startswith("LOCALMODEL_GATE: "), server)
    assert server.score(1).json["name"] == "old"


def test_a_newer_revision_does_not_wait_for_a_gate_under_way(revision: Gated, server: ScoringServer) -> None:
    revision.want("hanging", {"body": '{"sleep": 600}'}, SCORING_TIMEOUT_MS="600000")
    server.signal_reload()
    eventually(lambda: len(server.worker_pids()) > 1, server)
    time.sleep(0.5)
    revision.want("new", DATA)
    server.signal_reload()
    server.wait_until_ready("new")
    assert server.score(1).json["name"] == "new"


def test_the_first_revision_does_not_serve_before_it_has_passed(revision: Gated, tmp_path: Path) -> None:
    revision.want("first", {"body": '{"sleep": 1}'}, digit(json=3))
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_listening()
        seen = set()
        while not revision.status:
            seen.add(server.score([1]).status)
            time.sleep(0.05)
        assert seen == {503}
        assert revision.status["reason"] == "GateFailed" and revision.status["serving"] is None
        assert "gate: request 2 (digit): $: expected 3, got {" in server.score([1]).message
        revision.want("second", DATA)
        server.signal_reload()
        server.wait_until_ready("second")


def test_without_a_revision_file_a_failed_gate_ends_the_server_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_text(json.dumps([digit(json=3)]))
    variables = {
        **write_script(tmp_path / "app", "NAME = 1\n" + SCRIPT),
        "LOCALMODEL_GATE": str(tmp_path / "gate.json"),
        "LOCALMODEL_TERMINATION_LOG": str(tmp_path / "said"),
        "LOCALMODEL_PYTHON": BARE_PYTHON,
    }
    with ScoringServer(tmp_path, variables) as server:
        assert server.wait_for_end() == 3
    assert (tmp_path / "said").read_text().startswith("GateFailed: gate: request 1 (digit): $: expected 3, got {")
