"""Captured requests, brought from the pod that serves to a new one that holds a revision until it is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.server.admin_client import content_of
from support.server.admin_pod import Pod
from support.server.scoring_server_process import ScoringServer, eventually

from localmodel_server.capture.ring import NEWER

SCRIPT = """
import json, random

def init(): pass

def run(data, request_headers):
    x = json.loads(data)["x"]
    return {"score": x * FACTOR, "id": random.random(), "name": "John", "request": request_headers.get("X-Request-Id")}
"""
REQUESTS = 12
CAPTURE = {
    "percent": 100,
    "keep": {"requests": 100, "megabytes": 4},
    "answers": True,
    "redact": [],
    "headers": [],
}
REPLAY = {"last": 100, "minRequests": 10, "maxChanged": 0, "tolerance": "0", "ignore": []}


def pod(folder: Path, factor: int, **variables: str) -> Pod:
    return Pod(folder, f"FACTOR = {factor}\n{SCRIPT}", LOCALMODEL_CAPTURE=json.dumps(CAPTURE), **variables)


@contextmanager
def serving(folder: Path) -> Iterator[Pod]:
    """A pod that serves and has captured requests."""
    old = pod(folder, 1, LOCALMODEL_CAPTURE_FOLDER=str(folder / "capture"))
    with old.container() as server:
        server.wait_until_ready("1")
        for x in range(1, REQUESTS + 1):
            assert server.score({"x": x}).status == 200
        captured = folder / "capture" / NEWER
        eventually(lambda: captured.exists() and captured.read_bytes().count(b"\n") == REQUESTS, server)
        yield old


@contextmanager
def holding(folder: Path, factor: int, **replay: Any) -> Iterator[tuple[Pod, ScoringServer]]:
    """A new pod that holds a revision, under epoch 2."""
    variables = {
        "LOCALMODEL_REVISION": "2",
        "LOCALMODEL_EPOCH": "2",
        "LOCALMODEL_CONTENT": content_of("two"),
        "LOCALMODEL_REPLAY": json.dumps({**REPLAY, **replay}),
        "LOCALMODEL_CAPTURE_FOLDER": str(folder / "capture"),
    }
    new = pod(folder, factor, **variables)
    new.want(2, "two", committed=False, hold=True)
    with new.container() as server:
        eventually(lambda: new.admin.state()["on_hold"], server)
        yield new, server


def answered(old: Pod, last: int = 100) -> bytes:
    reply = old.admin.call("answered", body=json.dumps({"last": last}).encode())
    assert reply.status == 200, reply
    return json.dumps(reply.json).encode()


def test_what_answers_as_before_is_let_serve(tmp_path: Path) -> None:
    with serving(tmp_path / "old") as old, holding(tmp_path / "new", 1) as (new, server):
        reply = new.admin.call("replay", 2, content_of("two"), answered(old))
        assert (reply.status, reply.json["on_hold"], reply.json["serving"]) == (200, True, False)
        replayed = reply.json["replayed"]
        assert (replayed["compared"], replayed["changed"], replayed["unstable"]) == (12, 0, ["$.id"])
        assert new.commit(2, "two").status == 200
        server.wait_until_ready("2")
        assert server.score({"x": 5}).json["score"] == 5
        assert new.admin.state()["replayed"] == replayed
        assert "John" not in server.log
        assert new.admin.call("replay", 2, content_of("two"), answered(old)).status == 409, "it serves"


def test_what_answers_otherwise_is_refused_and_goes_on_waiting(tmp_path: Path) -> None:
    with serving(tmp_path / "old") as old, holding(tmp_path / "new", 2) as (new, server):
        reply = new.admin.call("replay", 2, content_of("two"), answered(old))
        assert (reply.status, reply.json["reason"]) == (422, "ReplayFailed")
        assert reply.json["message"].startswith("replay: 12 of 12 answers to captured requests change: $.score in 12;")
        assert server.get("/readyz").status == 503 and new.admin.state()["on_hold"]
        assert "12 of 12" in new.admin.state()["failure"]


def test_only_so_many_are_asked_and_too_few_are_said(tmp_path: Path) -> None:
    with serving(tmp_path / "old") as old, holding(tmp_path / "new", 2) as (new, _):
        reply = new.admin.call("replay", 2, content_of("two"), answered(old, last=3))
        assert (reply.status, reply.json["replayed"]["compared"]) == (200, 3)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"{",
        b'{"answered": [{"method": "GET"}], "left_out": {}}',
        b'{"answered": [], "left_out": 3}',
        b'{"answered": [{"called": "a", "method": "POST", "path": "/a b", "content_type": "", "body": "",'
        b' "first": [200, ""], "again": [200, ""]}], "left_out": {}}',
    ],
)
def test_a_body_that_is_something_else_changes_nothing(tmp_path: Path, body: bytes) -> None:
    with holding(tmp_path, 1) as (new, server):
        reply = new.admin.call("replay", 2, content_of("two"), body)
        assert (reply.status, reply.json["reason"]) == (400, "BadReplay"), reply
        assert new.admin.call("replay", 2, content_of("two"), b" " * (5 << 20)).status == 413
        assert new.admin.call("answered", body=b'{"last": "all"}').status == 400
        assert new.admin.state()["on_hold"] and server.get("/readyz").status == 503
