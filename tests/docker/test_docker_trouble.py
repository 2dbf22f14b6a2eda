"""Containers and engines come and go: status tells the truth, and apply heals."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from docker_lmd import DockerLmd
from support.lmd_command import script

SECONDS = 20.0


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_killed_or_removed_container_is_told_of_and_started_again_with_the_same_revision(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    for end in (lambda: lmd.container().kill(), lambda: lmd.container().remove(force=True)):
        end()
        status = lmd("status", "digits")
        assert status.code == 1 and "the server is not running (revision 1 served last)" in status.out
        assert "revision 1 serves" in lmd.apply(script("1")).out
        assert lmd.ask() == (200, 1, 1) and len(lmd.containers()) == 1


def test_a_server_that_ends_is_started_again_by_the_engine_as_after_a_reboot(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(script("2"))
    container = lmd.container()
    os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)
    eventually(lambda: lmd.container().attrs["RestartCount"] == 1 and lmd.status()["ready"])
    assert lmd.ask() == (200, 2, 2)
    assert "nothing has changed" in lmd.apply(script("2")).err


def test_a_stopped_container_stays_stopped_until_it_is_started_with_what_served(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    lmd.apply("def init():\n    1 / 0\n\ndef run(raw_data):\n    return 1\n")
    url = lmd.status()["url"]
    assert lmd("stop", "digits").code == 0 and lmd.containers() == []
    status = lmd.status()
    assert status["stopped"] and status["message"].startswith("it is stopped (revision 1 served last)")
    assert "revision 1 serves" in lmd("start", "digits").out
    before = lmd.containers()
    assert "revision 1 serves" in lmd("restart", "digits").out and lmd.containers() != before
    assert lmd.ask() == (200, 1, 1) and len(lmd.containers()) == 1 and lmd.status()["url"] == url
    assert "ZeroDivisionError" in lmd.status()["message"]


def test_a_paused_container_is_not_ready_and_is_replaced(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    lmd.container().pause()
    assert lmd.status()["ready"] is False
    assert "revision 1 serves" in lmd.apply(script("1")).out
    assert lmd.ask().body == 1 and len(lmd.containers()) == 1


def test_a_container_that_no_file_names_is_found(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    record = lmd.state() / "server.json"
    before = lmd.container().id
    record.unlink()
    assert lmd.status()["ready"]
    assert "continuing without it" not in lmd.apply(script("2")).err
    assert lmd.ask().body == 2 and len(lmd.containers()) == 1 and lmd.containers() != [before]
    record.write_text("null")
    assert lmd("delete", "digits").out == "digits: deleted\n"
    assert lmd.containers() == []


def test_what_a_killed_command_left_goes_with_the_next_one(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    stray = lmd.container().attrs
    left = lmd.engine.containers.run(
        stray["Config"]["Image"],
        ["sh", "-c", "trap exit TERM; while true; do sleep 0.1; done"],
        labels=stray["Config"]["Labels"],
        detach=True,
    )
    lmd.apply(script("2"))
    assert left.id not in lmd.containers() and lmd.ask().body == 2


def test_an_engine_that_does_not_answer_or_is_elsewhere_is_told_of(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    away = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    status = lmd("status", "digits", env=away)
    assert status.code == 1 and "no Docker engine answers" in status.out
    for arguments in (("apply", "-f", lmd.manifest(script("2"))), ("delete", "digits")):
        result = lmd(*arguments, env=away)
        assert result.code == 1 and "error: no Docker engine answers" in result.err
    elsewhere = lmd("apply", "-f", lmd.manifest(script("2")), env={"DOCKER_HOST": "ssh://me@elsewhere"})
    assert elsewhere.code == 1 and "an engine on another machine" in elsewhere.err
    assert lmd.ask() == (200, 1, 1)


def test_a_first_revision_that_fails_leaves_no_container(lmd: DockerLmd) -> None:
    result = lmd.apply("def init():\n    1 / 0\n\ndef run(raw_data):\n    return 1\n")
    assert result.code == 1 and "score.py:2: ZeroDivisionError" in result.err
    assert lmd.containers() == []
    assert "score.py:2: ZeroDivisionError" in lmd.status()["message"]
    assert "ZeroDivisionError" in lmd("logs", "digits").out
    assert "serves at" in lmd.apply(script("1")).out


def test_an_init_that_hangs_is_given_up_and_the_old_revision_stays(lmd: DockerLmd) -> None:
    lmd.apply(script("1"))
    slow = "import time\n\ndef init():\n    time.sleep(3)\n\ndef run(raw_data):\n    return 'late'\n"
    result = lmd("apply", "-f", lmd.manifest(slow), "--timeout", "1")
    assert result.code == 1 and "did not serve within 1 s; revision 1 goes on serving" in result.err
    time.sleep(4)
    assert lmd.ask() == (200, 1, 1)
    assert (lmd.status()["ready"], lmd.status()["stalled"], lmd.status()["durable"]) == (False, True, 1)
    with lmd.running("apply", lmd.manifest(slow.replace("(3)", "(600)")), "--target", "docker") as older:
        older.says("after 5 s")
        assert lmd.apply(script("2")).code == 0 and lmd.ask().body == 2
        assert older.process.wait(60) == 3 and lmd.status()["ready"]
