"""Captured requests in a real server: a revision that answers them otherwise than the one before does not serve."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.server.scoring_server_process import RevisionFile, ScoringServer, eventually

from localmodel_server.capture.ring import NEWER

# What is not asked again leaves a line, as a script does that sends or stores something.
SCRIPT = """
import json, os, random, signal

def init(): pass

def run(data, request_headers):
    if json.loads(data)["x"] in ("end", ENDS_AT):
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("LOCALMODEL_REPLAYED") != "true":
        with open(SENT, "a") as file:
            file.write(request_headers["User-Agent"] + "\\n")
    return {"score": json.loads(data)["x"] * FACTOR, "id": random.random(), "name": "John"}
"""
REQUESTS = 12


class Replaying(RevisionFile):
    """A revision file of a deployment that captures, and asks the next revision what was captured."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def want(self, revision: str, factor: int, gate: str = "", ends_at: int | None = None, **replay: Any) -> None:
        keep = {"requests": 100, "megabytes": 4}
        capture = {"percent": 100, "keep": keep, "answers": True, "redact": [], "headers": []}
        asked = {"last": 100, "minRequests": 10, "maxChanged": 0, "tolerance": "0", "ignore": [], **replay}
        self.write(
            revision,
            f"FACTOR = {factor}\nENDS_AT = {ends_at}\nSENT = {str(self.folder / 'sent')!r}\n{SCRIPT}",
            LOCALMODEL_CONTENT=revision,
            LOCALMODEL_CAPTURE=json.dumps(capture),
            LOCALMODEL_CAPTURE_FOLDER=str(self.folder / "capture"),
            LOCALMODEL_REPLAY=json.dumps(asked),
            **({"LOCALMODEL_GATE": gate} if gate else {}),
        )

    def captured(self) -> int:
        path = self.folder / "capture" / NEWER
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def sent(self) -> list[str]:
        return (self.folder / "sent").read_text().splitlines()


@pytest.fixture
def revision(tmp_path: Path) -> Replaying:
    return Replaying(tmp_path)


@pytest.fixture
def server(revision: Replaying, tmp_path: Path) -> Iterator[ScoringServer]:
    revision.want("1", 1)
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        yield server.wait_until_ready("1")


def load(revision: Replaying, server: ScoringServer, number: str) -> dict[str, Any]:
    server.signal_reload()
    eventually(lambda: revision.status.get("wanted") == number, server)
    return revision.status


def ask(revision: Replaying, server: ScoringServer) -> None:
    for x in range(1, REQUESTS + 1):
        assert server.score({"x": x}, {"user-agent": "client"}).status == 200
    eventually(lambda: revision.captured() == REQUESTS, server)


def test_answers_that_change_keep_a_revision_from_serving(revision: Replaying, server: ScoringServer) -> None:
    ask(revision, server)
    revision.want("2", 2)
    status = load(revision, server, "2")
    assert (status["reason"], status["serving"]) == ("ReplayFailed", "1")
    told = "replay: 12 of 12 answers to captured requests change: $.score in 12; not compared, because what served"
    assert status["error"].startswith(told) and status["error"].endswith("$.id (spec.update.replay.maxChanged is 0)")
    assert server.score({"x": 5}, {"user-agent": "client"}).json["score"] == 5
    eventually(lambda: revision.captured() == REQUESTS + 1, server)

    revision.want("3", 2, maxChanged=13)
    status = load(revision, server, "3")
    assert status["error"] is None and status["replayed"].startswith("13 of 13 answers")
    assert server.score({"x": 5}, {"user-agent": "client"}).json["score"] == 10
    assert "John" not in server.log, "values are in no line"

    revision.want("2", 1)
    status = load(revision, server, "2")
    assert status["error"] is None and "replayed" not in status, "nothing is in the way back"


def test_what_is_asked_again_is_no_request_of_a_client(revision: Replaying, server: ScoringServer) -> None:
    ask(revision, server)
    gate = revision.folder / "gate.json"
    gate.write_text(json.dumps([{"body": '{"x": 1}'}]))
    revision.want("2", 1, gate=str(gate))
    status = load(revision, server, "2")
    assert status["replayed"].startswith("0 of 12 answers"), status
    assert server.score({"x": 7}, {"user-agent": "client"}).json["score"] == 7
    assert revision.sent() == ["client"] * REQUESTS + ["localmodel-gate", "client"]
    eventually(lambda: revision.captured() > REQUESTS, server)
    assert revision.captured() == REQUESTS + 1, "neither the gate's requests nor those that are asked again"
    counted = re.search(
        r'^localmodel_requests_total\{[^}]*"azure"[^}]*\} (\d+)', server.get("/metrics").body.decode(), re.M
    )
    assert counted and int(counted[1]) == REQUESTS + 1


def test_too_few_captured_requests_are_said_and_nothing_is_judged(revision: Replaying, server: ScoringServer) -> None:
    assert server.score({"x": 7}, {"user-agent": "client"}).status == 200
    eventually(lambda: revision.captured() == 1, server)
    revision.want("2", 2)
    status = load(revision, server, "2")
    assert status["error"] is None and status["replayed"].startswith("only 1 answers to captured requests could be")


def test_what_killed_a_worker_is_not_asked_again(revision: Replaying, server: ScoringServer) -> None:
    ask(revision, server)
    assert server.score({"x": "end"}, {"user-agent": "client"}).status >= 500
    eventually(lambda: revision.captured() == REQUESTS + 1 and server.get("/readyz").status == 200, server)
    lost = server.log.count("the worker process died")
    revision.want("2", 1)
    status = load(revision, server, "2")
    assert status["replayed"].startswith("0 of 12 answers") and "1 not compared: it had failed" in status["replayed"]
    assert server.log.count("the worker process died") == lost


def test_a_revision_that_loses_a_worker_does_not_serve(revision: Replaying, server: ScoringServer) -> None:
    ask(revision, server)
    revision.want("2", 1, maxChanged=REQUESTS, ends_at=7)
    status = load(revision, server, "2")
    assert (status["reason"], status["serving"]) == ("ReplayFailed", "1") and "a worker was lost" in status["error"]


def test_a_restart_asks_nothing(revision: Replaying, server: ScoringServer, tmp_path: Path) -> None:
    ask(revision, server)
    revision.want("2", 2)
    with ScoringServer(tmp_path, {}, *revision.arguments) as again:
        again.wait_until_ready("2")
        assert "replayed" not in revision.status
