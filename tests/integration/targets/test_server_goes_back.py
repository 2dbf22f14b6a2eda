"""Where nobody else looks after it, the server goes back from a revision that makes requests fail."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.server.scoring_server_process import RevisionFile, ScoringServer, eventually

GOOD = "def init(): pass\ndef run(data):\n    return {name!r}\n"
WORKS_ON = """
import threading, time
def init():
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
def run(data):
    return {name!r}
"""
FAILS = "def init(): pass\ndef run(data):\n    raise ValueError\n"
GATE = '[{"body": "{}", "expect": {"json": "another"}}]'


@pytest.mark.parametrize("before", [GOOD, WORKS_ON], ids=["parked", "loaded anew"])
def test_a_revision_whose_requests_fail_is_taken_back(tmp_path: Path, before: str) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("r1", before.format(name="r1"), LOCALMODEL_CONTENT="sha256:1")
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("r1")
        for _ in range(5):
            assert server.score({}).status == 200
        revision.write("r2", FAILS, LOCALMODEL_CONTENT="sha256:2")
        server.signal_reload()
        server.wait_until_ready("r2")
        for _ in range(9):
            assert server.score({}).status == 500
        time.sleep(0.6)
        assert server.score({}).status == 500, "so few say nothing"
        eventually(lambda: server.score({}).status == 200, server)
        assert server.score({}).json == "r1"
        told = revision.status
        assert (told["serving"], told["wanted"], told["reason"]) == ("r1", "r2", "ErrorRate")
        assert "went back to revision 'r1': " in told["error"]
        assert "and 0 of 5 in the last minute before it" in told["error"]
        # the next edit is taken as always
        revision.write("r3", GOOD.format(name="r3"), LOCALMODEL_CONTENT="sha256:3")
        server.signal_reload()
        server.wait_until_ready("r3")
        assert revision.status["error"] is None


def test_the_revision_before_is_kept_and_serves_again_at_once(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    started = "import os\ndef init(): pass\ndef run(data):\n    return os.getpid()\n"
    revision.write("r1", started, LOCALMODEL_CONTENT="sha256:1")
    first_file = (tmp_path / "revision.json").read_text()
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("r1")
        pid = server.score({}).json
        revision.write("r2", GOOD.format(name="r2"), LOCALMODEL_CONTENT="sha256:2")
        server.signal_reload()
        server.wait_until_ready("r2")
        revision.write_text(first_file)
        server.signal_reload()
        server.wait_until_ready("r1")
        assert server.score({}).json == pid
        assert set(revision.status["milliseconds"]) == {"load", "gate"}


def test_a_gate_beside_the_revision(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("r1", GOOD.format(name="r1"))
    gate = tmp_path / "gate.json"
    gate.write_text(GATE)
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("r1")
        revision.write("r2", GOOD.format(name="r2"), LOCALMODEL_GATE=str(gate))
        server.signal_reload()
        eventually(lambda: revision.status["reason"] == "GateFailed", server)
        assert server.score({}).json == "r1"
        revision.write("r3", GOOD.format(name="r3"), LOCALMODEL_GATE=str(tmp_path / "missing.json"))
        server.signal_reload()
        eventually(lambda: revision.status["reason"] == "SettingsInvalid", server)
        assert "LOCALMODEL_GATE" in revision.status["error"]
