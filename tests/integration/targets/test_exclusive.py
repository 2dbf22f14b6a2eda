"""A revision that needs what the one before holds: said, and with update.strategy: Recreate it gets it."""

import json
import signal
from pathlib import Path

import pytest
from support.lmd_command import Lmd, free_port, script
from support.server.scoring_server_process import eventually

RECREATE = {"update": {"strategy": "Recreate"}}


def binds(port: int, answer: str, then: str = "pass") -> str:
    return (
        f"import socket\nheld = socket.socket()\ndef init():\n    held.bind(('127.0.0.1', {port}))\n    {then}\n"
        f"def run(raw_data):\n    return {answer!r}\n"
    )


def opens(path: Path, answer: str) -> str:
    """The error that says it is the cause of the one that is told."""
    return (
        f"import sqlite3\ndef init():\n    global db\n    db = sqlite3.connect({str(path)!r}, timeout=0)\n    try:\n"
        "        db.execute('BEGIN EXCLUSIVE')\n    except sqlite3.Error as error:\n"
        "        raise RuntimeError('no features') from error\n"
        f"def run(raw_data):\n    return {answer!r}\n"
    )


@pytest.mark.parametrize("kind", ["port", "database"])
def test_what_the_old_revision_holds_is_said(lmd: Lmd, kind: str) -> None:
    port = free_port()

    def holds(answer: str) -> str:
        return binds(port, answer) if kind == "port" else opens(lmd.home / "held", answer)

    lmd.apply(holds("one"))
    for update in ({}, {"update": {"strategy": "Roll"}}):
        failed = lmd.apply(holds("two"), **update)
        assert failed.code == 1
        assert "revision 1, which serves, may hold it" in failed.err and "update.strategy: Recreate" in failed.err
        goes_on = f"\nrevision 1 goes on serving at http://localhost:{lmd.port}/score\n"
        assert f"{goes_on}\nTraceback (most recent call last):\n" in failed.err
        assert lmd.ask().body == "one"


def test_recreate_ends_the_old_revision_first(lmd: Lmd) -> None:
    port = free_port()
    lmd.apply(binds(port, "one"))
    edited = lmd.manifest(binds(port, "two"), **RECREATE)
    (planned,) = json.loads(lmd("plan", edited, "-o", "json").out)
    said = "spec.scoring changed: score.py; not swapped, because spec.update.strategy is Recreate"
    assert (planned["lane"], planned["reason"]) == ("roll", said)
    assert planned["steps"] == [
        f"the server at port {lmd.port} ends: nothing answers before another does",
        f"another server is started at port {lmd.port}",
    ]
    done = lmd("apply", "-f", edited)
    assert done.code == 0 and f"plan: roll: {said}" in done.err, done.err
    assert lmd.ask() == (200, "two", 2)
    assert lmd("rollback", "digits").code == 0 and lmd.ask() == (200, "one", 1)


def test_after_a_recreate_that_fails_the_old_revision_serves_again(lmd: Lmd) -> None:
    port = free_port()
    lmd.apply(binds(port, "one"))
    failed = lmd.apply(binds(port, "two", "raise KeyError('age')"), **RECREATE)
    assert failed.code == 1 and "revision 2 does not serve: init() failed: score.py:5: KeyError: 'age'" in failed.err
    said = f"revision 1, which was ended first, serves again at http://localhost:{lmd.port}/score"
    assert f"\n{said}\n\nTraceback (most recent call last):\n" in failed.err and "may hold it" not in failed.err
    assert lmd.ask() == (200, "one", 1)
    assert lmd.apply(binds(port, "two"), **RECREATE).code == 0 and lmd.ask() == (200, "two", 3)


def test_recreate_at_another_port_brings_the_old_revision_back_at_its_own(lmd: Lmd) -> None:
    port, first = free_port(), lmd.port
    lmd.apply(binds(port, "one"))
    other = free_port()
    failed = lmd.apply(binds(port, "two", "raise KeyError('age')"), **RECREATE, service={"localPort": other})
    assert failed.code == 1 and f"serves again at http://localhost:{first}/score" in failed.err
    assert lmd.ask() == (200, "one", 1)
    moved = lmd.apply(binds(port, "two"), **RECREATE, service={"localPort": other})
    assert moved.code == 0 and f"http://localhost:{other}/score" in moved.out


def test_roll_is_another_server(lmd: Lmd) -> None:
    lmd.apply(binds(free_port(), "one"))
    before = lmd.pid()
    rolled = lmd.apply(binds(free_port(), "two"), update={"strategy": "Roll"})
    said = "plan: roll: spec.scoring changed: score.py; not swapped, because spec.update.strategy is Roll"
    assert rolled.code == 0 and said in rolled.err and "spec.update.strategy is Roll: another is tried" in rolled.err
    assert lmd.pid() != before and lmd.ask() == (200, "two", 2)


def test_a_recreate_whose_command_was_ended_says_what_can_be_had(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    hanging = script("2").replace("    pass", "    __import__('time').sleep(1000)")
    with lmd.running("apply", lmd.manifest(hanging, **RECREATE)) as command:
        eventually(lambda: lmd.status()["serving"] is None and lmd.asked_for() == 2)
        command.process.kill()
    status = lmd.status()
    assert (
        not status["ready"] and "nothing serves: the command that asked for revision 2 was ended" in status["message"]
    )
    assert "lmd rollback digits brings revision 1 back, which served last" in status["message"]
    assert lmd("rollback", "digits").code == 0 and lmd.ask() == (200, 1, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_recreate_whose_command_is_told_to_end_brings_the_old_revision_back(lmd: Lmd, number: int) -> None:
    lmd.apply(script("1"))
    hanging = script("2").replace("    pass", "    __import__('time').sleep(1000)")
    with lmd.running("apply", lmd.manifest(hanging, **RECREATE)) as command:
        eventually(lambda: lmd.status()["serving"] is None and lmd.asked_for() == 2)
        command.process.send_signal(number)
        assert command.process.wait(60) == (143 if number == signal.SIGTERM else 1)
        assert "Traceback" not in command.said()
    eventually(lambda: lmd.status()["serving"] == 1)
    assert lmd.ask() == (200, 1, 1)
