"""A new revision beside the old one: when it takes over, when it does not, and that nothing is lost."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from support.server.scoring_server_process import (
    ANSWERS,
    Load,
    RevisionFile,
    ScoringServer,
    eventually,
    is_alive,
    read_reply,
    write_script,
)

WAITS = """
import os, time
def init(): pass
def run(data):
    open("begun", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)
    return {name!r}
"""
BROKEN = "def init():\n    raise ValueError('not this one')\ndef run(data): ...\n"
HANGING = "import time\ndef init():\n    time.sleep(60)\ndef run(data): ...\n"


def test_swaps_under_load_lose_nothing(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("r0", ANSWERS.format(name="r0"), WORKER_COUNT="2")
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("r0")
        with Load(server, clients=8) as load:
            eventually(lambda: "r0" in load.revisions(), server)
            for number in range(1, 7):
                name = f"r{number}"
                revision.write(name, ANSWERS.format(name=name), WORKER_COUNT=str(1 + number % 2))
                server.signal_reload()
                server.wait_until_ready(name)
                assert server.score({}).json == name, "after the switch no old answer comes"
                eventually(lambda name=name: name in load.revisions(), server)  # type: ignore[misc]
        assert load.errors == []
        assert sum(load.answers.values()) > 100
        names = {f"r{number}" for number in range(7)}
        for status, header, body in load.answers:
            assert status == 200
            assert header == json.loads(body), "the header names the revision that answered"
            names.discard(header)
        assert names == set(), "every revision has answered"
        eventually(lambda: len(server.worker_pids()) == 1, server)


def test_a_revision_that_fails_leaves_the_old_one_serving(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("good", ANSWERS.format(name="good"))
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("good")
        pids = server.worker_pids()
        with Load(server, clients=4) as load:
            revision.write("bad", BROKEN, WORKER_COUNT="2")
            server.signal_reload()
            eventually(lambda: revision.status["wanted"] == "bad", server)
        message = "init() failed: score.py:2: ValueError: not this one"
        assert revision.status["serving"] == "good"
        assert revision.status["error"] == message
        assert "ValueError: not this one" in revision.status["traceback"]
        assert load.errors == []
        assert {(status, header) for status, header, _ in load.answers} == {(200, "good")}
        assert server.get("/readyz").json == {"revision": "good"}
        eventually(lambda: server.worker_pids() == pids, server)


def test_a_revision_file_that_cannot_be_read_leaves_the_old_one_serving(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("good", ANSWERS.format(name="good"))
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("good")
        for text, named in [
            ("{", "revision.json"),
            ("[]", "revision.json"),
            ('{"environment": {"A": 1}}', "A must be a string"),
            ('{"environment": {"WORKER_COUNT": "x"}}', "WORKER_COUNT"),
        ]:
            revision.write_text(text)
            server.signal_reload()
            eventually(lambda named=named: named in (revision.status["error"] or ""), server)  # type: ignore[misc]
            assert revision.status["serving"] == "good"
            assert server.score({}).json == "good"


def test_old_workers_finish_what_they_have(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("old", WAITS.format(name="old"))
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("old")
        (old,) = server.worker_pids()
        connections = [server.connect() for _ in range(2)]
        for connection in connections:
            connection.request("POST", "/score", "{}")
            eventually((tmp_path / "old" / "begun").exists, server)
        server.wait_until_asked(2)
        revision.write("new", ANSWERS.format(name="new"))
        server.signal_reload()
        server.wait_until_ready("new")
        assert server.score({}).json == "new", "the new revision does not wait for the old one"
        assert read_reply(connections[1]).json == "new"
        (tmp_path / "old" / "go").touch()
        assert read_reply(connections[0]).json == "old"
        eventually(lambda: not is_alive(old), server)


def test_the_last_of_several_reloads_wins(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    revision.write("first", ANSWERS.format(name="first"))
    with ScoringServer(tmp_path, {}, *revision.arguments) as server:
        server.wait_until_ready("first")
        revision.write("hanging", HANGING)
        server.signal_reload()
        eventually(lambda: len(server.worker_pids()) == 2, server)
        assert server.score({}).json == "first"
        revision.write("last", ANSWERS.format(name="last"))
        server.signal_reload()
        server.wait_until_ready("last")
        assert server.score({}).json == "last"
        assert revision.status["wanted"] == revision.status["serving"] == "last"
        eventually(lambda: len(server.worker_pids()) == 1, server)


def test_an_edit_of_the_same_length_within_a_second_is_seen(tmp_path: Path) -> None:
    revision = RevisionFile(tmp_path)
    script = "import part\ndef init(): pass\ndef run(data): return part.VALUE\n"
    with_variables = write_script(tmp_path / "app", script, part="VALUE = 0\n")
    revision.write_text(json.dumps({"environment": {**with_variables, "LOCALMODEL_REVISION": "0"}}))
    with ScoringServer(tmp_path, {"PYTHONDONTWRITEBYTECODE": ""}, *revision.arguments) as server:
        server.wait_until_ready("0")
        for number in range(1, 6):
            (tmp_path / "app" / "part.py").write_text(f"VALUE = {number}\n")
            name = str(number)
            revision.write_text(json.dumps({"environment": {**with_variables, "LOCALMODEL_REVISION": name}}))
            server.signal_reload()
            server.wait_until_ready(name)
            assert server.score({}).json == number
    assert not list((tmp_path / "app").rglob("*.pyc")), "nothing is written beside user code"


def test_a_hang_up_without_a_revision_file_changes_nothing(tmp_path: Path) -> None:
    with ScoringServer(tmp_path, write_script(tmp_path / "app", ANSWERS.format(name="x"))) as server:
        server.wait_until_ready()
        server.signal(signal.SIGHUP)
        eventually(lambda: "SIGHUP ignored" in server.log, server)
        assert server.score({}).json == "x"
