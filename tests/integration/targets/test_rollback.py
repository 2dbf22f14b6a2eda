"""Earlier revisions of a process: listed, served again, and kept until something else is asked for."""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from support.lmd_command import BROKEN_INIT, Lmd, load, script
from support.server.scoring_server_process import eventually


def numbers(lmd: Lmd, mark: str) -> list[int]:
    """Revisions with the mark, newest first."""
    return [one["revision"] for one in json.loads(lmd("history", "digits", "-o", "json").out) if one[mark]]


def folder(lmd: Lmd) -> Path:
    return lmd.home / "deployments" / "digits"


def kill(lmd: Lmd) -> None:
    os.kill(lmd.pid(), signal.SIGKILL)
    eventually(lambda: "not running" in lmd.status()["message"])


def test_history_tells_what_there_was_and_why(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(script("1"), env=[{"name": "LEVEL", "value": "a"}])
    lmd.apply(BROKEN_INIT)
    found = json.loads(lmd("history", "digits", "-o", "json").out)
    assert [one["revision"] for one in found] == [3, 2, 1]
    assert [one["cause"] for one in found[1:]] == ["spec.env changed: LEVEL", "created"]
    assert found[0]["failed"] == "RevisionFailed: revision 3 does not serve: init() failed: score.py:4: KeyError: 'age'"
    assert found[0]["code"] != found[1]["code"] == found[2]["code"]
    assert found[1]["digests"]["settings"] != found[2]["digests"]["settings"]
    assert numbers(lmd, "serving") == [2]
    text = lmd("history", "digits").out.splitlines()
    assert text[0].split() == ["REVISION", "CREATED", "STATE", "CONTENT", "CODE", "MODELS", "CAUSE"]
    assert "failed" in text[1] and "score.py:4" not in text[1] and "serving" in text[2]
    assert text[-1] == "revision 3 does not serve: init() failed: score.py:4: KeyError: 'age'"


def test_a_rollback_brings_the_one_before_back_and_loses_no_request(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(script("2"))
    with load(lmd.port) as outcomes:
        back = lmd("rollback", "digits")
        assert back.out == f"digits: revision 1 serves at http://localhost:{lmd.port}/score\n"
        assert lmd.ask() == (200, 1, 1)
        assert "revision 2 serves" in lmd("rollback", "digits").out
        assert lmd.ask() == (200, 2, 2)
    assert [one for one in outcomes if isinstance(one, Exception) or one.status != 200] == []
    assert numbers(lmd, "serving") == numbers(lmd, "durable") == [2]
    assert "revision 2 serves already" in lmd("rollback", "digits", "--to", "2").err


def test_a_revision_that_never_served_is_not_offered(lmd: Lmd) -> None:
    broken = script("3").replace("pass", "raise KeyError('broken')")
    for code in (script("1"), script("2"), broken):
        lmd.apply(code)
    lmd("rollback", "digits", "--to", "1")
    assert "lmd rollback digits --to 2 serves revision 2 again" in lmd.apply(broken).err


def test_what_was_rolled_back_to_stays_until_something_else_is_applied(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(script("2"))
    lmd("rollback", "digits", "--to", "1")
    again = lmd.apply(script("2"))
    assert "lmd rollback asked for revision 1, which serves; lmd rollback digits --to 2 serves revision 2" in again.err
    assert "revision 1 serves" in again.out and lmd.ask() == (200, 1, 1) and lmd.status()["ready"]
    kill(lmd)
    assert "revision 1 serves" in lmd.apply(script("2")).out
    assert lmd.ask() == (200, 1, 1)
    assert "revision 3 serves" in lmd.apply(script("3")).out
    assert "revision 4 serves" in lmd.apply(script("2")).out and lmd.ask().body == 2


def test_a_rollback_brings_back_what_served_last_when_the_server_has_ended(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(script("2"))
    lmd.apply(BROKEN_INIT)
    kill(lmd)
    status = lmd.status()
    assert (status["ready"], status["stalled"], status["durable"]) == (False, True, 2)
    down = "the server is not running (revision 2 served last); lmd start digits starts it; "
    assert status["message"].startswith(down)
    assert "revision 3 does not serve: init() failed: score.py:4: KeyError: 'age'" in status["message"]
    assert "revision 2 serves" in lmd("rollback", "digits").out
    assert lmd.ask() == (200, 2, 2) and lmd.status()["ready"]
    kill(lmd)
    assert "revision 1 serves" in lmd("rollback", "digits", "--to", "1").out
    assert lmd.ask() == (200, 1, 1)


@pytest.mark.parametrize("broken", [BROKEN_INIT, "def run(raw_data)"], ids=["init", "syntax"])
def test_a_broken_edit_of_a_deployment_whose_server_has_ended_brings_back_what_served_last(
    lmd: Lmd, broken: str
) -> None:
    lmd.apply(script("1"))
    kill(lmd)
    failed = lmd.apply(broken)
    assert failed.code == 1 and "score.py:" in failed.err and "revision 1 serves again at" in failed.err
    assert lmd.ask() == (200, 1, 1)
    assert not lmd.status()["ready"] and lmd.status()["stalled"] and lmd.status()["durable"] == 1
    assert lmd.apply(script("2")).code == 0 and lmd.ask().body == 2 and lmd.status()["ready"]


def test_a_failed_edit_is_left_with_a_rollback(lmd: Lmd) -> None:
    lmd.apply(script("0"))
    lmd.apply(script("1"))
    lmd.apply(BROKEN_INIT)
    assert not lmd.status()["ready"]
    assert "revision 2 serves" in lmd("rollback", "digits", "--to", "2").out
    assert lmd.status()["ready"] and lmd.ask() == (200, 1, 2)
    failed = lmd("rollback", "digits", "--to", "3")
    assert failed.code == 1 and "score.py:4: KeyError: 'age'" in failed.err
    assert lmd.ask() == (200, 1, 2)
    assert "revision 1 serves" in lmd("rollback", "digits").out


def test_a_revision_that_is_not_kept_is_refused_with_those_that_are(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    none = lmd("rollback", "digits")
    assert none.code == 1 and "a revision that served before 1 is not kept (kept: 1)" in none.err
    wrong = lmd("rollback", "digits", "--to", "7")
    assert wrong.code == 1 and "digits: revision 7 is not kept (kept: 1); spec.revisionHistoryLimit" in wrong.err
    assert lmd("rollback", "nothing").code == 1
    assert lmd.status()["ready"] and lmd("wait", "digits").code == 0
    lmd.apply(BROKEN_INIT)
    failed = lmd.status()
    assert lmd("rollback", "digits", "--to", "7").code == 1
    assert lmd.status() == failed and "KeyError: 'age'" in failed["message"]


def test_a_rollback_that_is_refused_takes_no_command_s_place(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    slow = script("2").replace("    pass", "    __import__('time').sleep(4)")
    with lmd.running("apply", lmd.manifest(slow)) as command:
        eventually(lambda: lmd.asked_for() == 2)
        assert lmd("rollback", "digits", "--to", "7").code == 1
        assert command.process.wait(60) == 0
    assert lmd.ask() == (200, 2, 2) and lmd.status()["ready"]


def test_a_rollback_of_a_server_of_another_version_replaces_it(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(script("2"))
    record = folder(lmd) / "server.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "program": "sha256:older"}))
    result = lmd("rollback", "digits")
    assert "the port changes hands" in result.err and lmd.ask() == (200, 1, 1)


def test_records_of_an_earlier_version_are_read(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(script("2"))
    for path in folder(lmd).glob("revisions/*/record.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({key: content[key] for key in content if key not in ("facts", "failed")}))
    (folder(lmd) / "inputs.json").unlink()
    (folder(lmd) / "served.json").unlink()
    assert "nothing has changed" in lmd.apply(script("2")).err
    assert "revision 1 serves" in lmd("rollback", "digits").out
    assert numbers(lmd, "serving") == [1]
    assert "revision 3 serves" in lmd.apply(script("3")).out


def test_a_revision_that_answers_with_errors_is_left_and_told_of(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.ask()
    lmd.apply(script("1 / 0"))
    for _ in range(12):
        lmd.ask()
    eventually(lambda: lmd.ask().status == 200)
    assert lmd.ask() == (200, 1, 1)
    assert numbers(lmd, "serving") == [1] and numbers(lmd, "failed") == [2]
    assert not lmd.status()["ready"] and lmd.status()["stalled"]
    assert "revision 1 serves" in lmd("rollback", "digits", "--to", "1").out
    assert lmd.status()["ready"]


def test_failed_edits_push_no_good_revision_out(lmd: Lmd) -> None:
    lmd.apply(script("1"), revisionHistoryLimit=2)
    for answer in ("2", "3"):
        lmd.apply(script(answer), revisionHistoryLimit=2)
    for typo in range(3):
        lmd.apply(script(f"undefined_{typo}").replace("def init", f"1 / 0  # {typo}\ndef init"), revisionHistoryLimit=2)
    assert numbers(lmd, "failed") == [6], "of the failed ones the last is kept"
    assert "revision 2 serves" in lmd("rollback", "digits").out
    assert "revision 3 serves" in lmd("rollback", "digits").out
    found = json.loads(lmd("history", "digits", "-o", "json").out)
    assert [one["revision"] for one in found] == [6, 3, 2, 1]


def test_no_number_is_used_twice(lmd: Lmd) -> None:
    for answer in ("1", "2", "3"):
        lmd.apply(script(answer))
    lmd("rollback", "digits", "--to", "1")
    for number in (2, 3):
        shutil.rmtree(folder(lmd) / "revisions" / str(number))
    lmd("rollback", "digits", "--to", "1")
    assert "revision 4 serves" in lmd.apply(script("4")).out


def test_causes_and_plans_compare_with_what_serves(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    lmd.apply(BROKEN_INIT)
    planned = json.loads(lmd("plan", lmd.manifest(script("1"), env=[{"name": "A", "value": "b"}]), "-o", "json").out)
    assert planned[0]["reason"] == "spec.env changed: A"
    lmd.apply(script("1"), env=[{"name": "A", "value": "b"}])
    lmd.apply(BROKEN_INIT, env=[{"name": "A", "value": "b"}])
    lmd.apply(script("1"), env=[{"name": "A", "value": "b"}])
    causes = {one["revision"]: one["cause"] for one in json.loads(lmd("history", "digits", "-o", "json").out)}
    assert (causes[1], causes[3]) == ("created", "spec.env changed: A")
    assert causes[4] == "spec.scoring changed: score.py"
    assert 5 not in causes, "nothing has changed: revision 3 serves"


def test_the_cause_is_that_of_the_plan_also_after_a_failure(lmd: Lmd) -> None:
    """Both compare with what serves: its port is the server's, whichever the revisions between them asked for."""
    lmd.apply(script("1"))
    anywhere: dict[str, Any] = {"service": {}}
    assert lmd.apply(BROKEN_INIT, env=[{"name": "LEVEL", "value": "1"}], **anywhere).code == 1
    planned = json.loads(lmd("plan", lmd.manifest(script("2"), **anywhere), "-o", "json").out)[0]["reason"]
    assert lmd.apply(script("2"), **anywhere).code == 0
    causes = {one["revision"]: one["cause"] for one in json.loads(lmd("history", "digits", "-o", "json").out)}
    assert causes[3] == planned == "spec.scoring changed: score.py"
    assert causes[2] == "spec.scoring changed: score.py; spec.env changed: LEVEL"
