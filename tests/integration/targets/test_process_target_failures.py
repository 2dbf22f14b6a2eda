"""A broken edit costs nothing but a message: the old revision goes on serving."""

import json
import os
import signal
import time
from threading import Barrier

import pytest
from support.lmd_command import BROKEN_INIT, Lmd, answers, assert_edits_lose_no_request, free_port, script
from support.server.scoring_server_process import eventually

from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.machine.rollout import loading
from localmodel.targets.process import ProcessRunner

HANGING_INIT = """
import time

def init():
    time.sleep(4)

def run(raw_data):
    return "too late"
"""


def test_a_failing_init_is_named_by_file_and_line_and_the_old_revision_goes_on(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    result = lmd.apply(BROKEN_INIT)
    assert result.code == 1 and result.out == ""
    assert "error: revision 2 does not serve: init() failed: score.py:4: KeyError: 'age'\n" in result.err
    assert f"revision 1 goes on serving at http://localhost:{lmd.port}/score" in result.err
    assert lmd.ask() == (200, 1, 1)
    status = lmd.status()
    assert status["serving"] == 1 and status["ready"] is False
    assert "score.py:4: KeyError: 'age'" in status["message"]
    assert "KeyError: 'age'" in lmd("logs", "digits").out


def test_going_back_to_what_serves_clears_the_failure(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(BROKEN_INIT)
    back = lmd.apply(script("1"))
    assert "nothing has changed" in back.err and "revision 1 serves" in back.out
    assert lmd.status()["ready"] is True and lmd.ask() == (200, 1, 1)


def test_a_failed_revision_is_tried_again_when_asked(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(BROKEN_INIT)
    result = lmd.apply(BROKEN_INIT)
    assert result.code == 1 and "revision 3 does not serve" in result.err


def test_a_first_revision_that_fails_leaves_no_server_behind(lmd: Lmd) -> None:
    result = lmd.apply(BROKEN_INIT)
    assert result.code == 1
    assert "error: revision 1 does not serve: init() failed: score.py:4: KeyError: 'age'" in result.err
    assert not answers(lmd.port)
    assert "score.py:4: KeyError: 'age'" in lmd.status()["message"]
    assert "KeyError: 'age'" in lmd("logs", "digits").out
    assert lmd.apply(script("1")).code == 0
    assert lmd.ask().body == 1


def test_a_missing_package_is_named(lmd: Lmd) -> None:
    result = lmd.apply("import nosuchpackage\n" + script("1"))
    assert "score.py:1: ModuleNotFoundError: No module named 'nosuchpackage'" in result.err


@pytest.mark.parametrize("first", [True, False], ids=["own", "of another command"])
def test_a_server_that_is_killed_while_a_revision_loads_is_not_blamed_on_a_request(lmd: Lmd, first: bool) -> None:
    if not first:
        lmd.apply(script("1"))
        assert lmd.ask().body == 1
    with lmd.running("apply", lmd.manifest(HANGING_INIT.replace("4", "1000"))) as command:
        record = lmd.home / "deployments" / "digits" / "server.json"
        eventually(lambda: record.exists() and lmd.asked_for() == (1 if first else 2))
        assert lmd.status()["durable"] == 1, "what has never served would not come back"
        os.kill(lmd.pid(), signal.SIGKILL)
        assert command.process.wait(60) == 1
    ended = "was ended by signal 9 (SIGKILL)" if first else "ended without an error in its log: it may have been killed"
    assert f"does not serve: the server {ended}" in lmd.status()["message"]
    assert f"the server {ended}" in lmd("history", "digits").out


def test_what_serves_although_its_command_was_killed_has_not_failed(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    go = lmd.home / "go"
    waits = f"import os, time\ndef init():\n    while not os.path.exists({str(go)!r}):\n        time.sleep(0.05)\n"
    second = lmd.manifest(f"{waits}def run(raw_data):\n    return 2\n")
    with lmd.running("apply", second) as command:
        eventually(lambda: lmd.asked_for() == 2)
        command.process.kill()
    go.touch()
    eventually(lambda: lmd.status()["serving"] == 2)
    assert "nothing has changed" in lmd("apply", second).err
    assert [past["failed"] for past in json.loads(lmd("history", "digits", "-o", "json").out)] == ["", ""]
    lmd.apply(script("3"))
    assert lmd("rollback", "digits").code == 0 and lmd.ask() == (200, 2, 2)


def test_an_init_that_hangs_is_given_up_and_does_not_come_up_later(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    result = lmd.apply(HANGING_INIT, "--timeout", "1")
    assert result.code == 1 and "revision 2 did not serve within 1 s; revision 1 goes on serving" in result.err
    time.sleep(5)
    assert lmd.ask() == (200, 1, 1)
    status = lmd.status()
    assert (status["ready"], status["stalled"], status["durable"]) == (False, True, 1)
    assert "revision 2 did not serve within 1 s" in status["message"]


def test_a_first_init_that_hangs_is_given_up(lmd: Lmd) -> None:
    result = lmd.apply(HANGING_INIT, "--timeout", "1")
    assert result.code == 1 and "did not serve within 1 s. By then init() of score.py had not returned" in result.err
    assert not answers(lmd.port)


def test_the_manifests_own_deadline_holds_without_an_option(lmd: Lmd) -> None:
    slow = HANGING_INIT.replace("sleep(4)", "sleep(30)")
    result = lmd.apply(slow, update={"progressDeadlineSeconds": 10})
    assert "did not serve within 10 s" in result.err


def test_a_request_that_fails_is_the_callers_to_see(lmd: Lmd) -> None:
    lmd.apply(script("1 / json.loads(raw_data)"))
    result = lmd("invoke", "digits", "--data", "0")
    assert result.code == 1 and "run() failed" in result.out and "status 500" in result.err
    assert "ZeroDivisionError" in lmd("logs", "digits").out
    assert lmd("invoke", "digits", "--data", "2").out == "0.5\n"


def test_edits_good_and_bad_lose_no_request(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    assert_edits_lose_no_request(lmd, BROKEN_INIT)


def test_a_server_that_does_not_answer_does_not_delay_the_look_at_another(
    lmd: Lmd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("digits", "irises"):
        assert lmd.apply(script("1"), name=name, service={"localPort": free_port()}).code == 0
    both = Barrier(2)

    def ask(port: int) -> tuple[int | None, str]:
        both.wait(30)  # until the other one is asked, too
        return 1, ""

    monkeypatch.setattr(loading, "ask", ask)
    monkeypatch.setenv("LOCALMODEL_HOME", str(lmd.home))
    statuses = LocalTarget(ProcessRunner()).deployments()
    assert [(status.name, status.ready) for status in statuses] == [("digits", True), ("irises", True)]
