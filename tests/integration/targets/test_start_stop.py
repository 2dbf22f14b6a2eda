"""A server that was stopped, has crashed, or went with the machine comes back with what served last."""

import json
import os
import shutil
import signal
import time

from support.lmd_command import BROKEN_INIT, Lmd, script
from support.server.scoring_server_process import eventually


def kill(lmd: Lmd) -> None:
    os.kill(lmd.pid(), signal.SIGKILL)
    eventually(lambda: "not running" in lmd.status()["message"])


def test_what_is_stopped_stays_so_until_it_is_started_with_the_same_revision_and_port(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    url = lmd.status()["url"]
    assert lmd("stop", "digits").out == "digits: stopped; lmd start digits starts it\n"
    status = lmd.status()
    assert (status["ready"], status["stopped"], status["serving"], status["durable"]) == (False, True, None, 1)
    assert status["message"] == "it is stopped (revision 1 served last); lmd start digits starts it"
    # as after a reboot: what was stopped is left so
    everything = lmd("start", "--all")
    assert everything.code == 0 and "left stopped: digits" in everything.err and lmd.status()["stopped"]
    assert lmd("start", "digits").out == f"digits: revision 1 serves at {url}\n"
    assert lmd.ask() == (200, 1, 1) and lmd.status()["ready"] and not lmd.status()["stopped"]
    assert "revision 1 serves already" in lmd("start", "digits").err
    # an edit of something stopped starts it
    lmd("stop", "digits")
    assert lmd.apply(BROKEN_INIT).code == 1 and lmd.status()["stopped"]
    assert lmd.apply(script("2")).code == 0 and lmd.ask().body == 2 and not lmd.status()["stopped"]


def test_a_start_after_a_crash_serves_the_last_good_revision_and_the_failed_edit_stays_pending(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    url = lmd.status()["url"]
    lmd.apply(BROKEN_INIT, service={"localPort": lmd.port + 1})
    kill(lmd)
    # Somebody else has the number of the process by now.
    record = lmd.home / "deployments" / "digits" / "server.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "id": str(os.getpid())}))
    down = lmd("status", "digits")
    assert (
        down.code == 1 and "the server is not running (revision 1 served last); lmd start digits starts it" in down.out
    )
    started = lmd("start", "--all")
    assert started.code == 0 and started.out == f"digits: revision 1 serves at {url}\n"
    assert "revision 2 does not serve: init() failed: score.py:4: KeyError: 'age'" in started.err
    assert lmd.ask() == (200, 1, 1) and lmd.pid() != os.getpid()
    status = lmd.status()
    assert (status["ready"], status["serving"], status["durable"]) == (False, 1, 1)
    assert status["message"].startswith("revision 2 does not serve")


def test_a_restart_gives_another_server_with_the_same_revision_and_port(lmd: Lmd) -> None:
    lmd.apply(script("__import__('os').getppid()"))
    lmd.apply(BROKEN_INIT)
    url, before, first = lmd.status()["url"], lmd.pid(), lmd.ask().body
    assert lmd("restart", "digits").out == f"digits: revision 1 serves at {url}\n"
    assert lmd.pid() != before and lmd.ask().body != first and lmd.ask().revision == 1
    assert lmd.status()["message"].startswith("revision 2 does not serve")


def test_a_restart_does_not_forget_that_the_server_went_back_by_itself(lmd: Lmd) -> None:
    lmd.apply(script("1"))
    for _ in range(10):
        assert lmd.ask().status == 200
    lmd.apply(script("1 / 0"))
    deadline = time.monotonic() + 60
    while lmd.ask().status == 500 and time.monotonic() < deadline:
        time.sleep(0.05)
    message = lmd.status()["message"]
    assert message.startswith("revision 2 does not serve: went back to revision '1': ")
    for command in (("restart", "digits"), ("stop", "digits"), ("start", "digits")):
        assert lmd(*command).code == 0
    status = lmd.status()
    assert (status["message"], status["ready"], status["serving"]) == (message, False, 1)
    lmd.apply(script("3"))
    assert (lmd.status()["message"], lmd.status()["ready"]) == ("", True)


def test_what_has_never_served_or_is_not_there_cannot_be_started(lmd: Lmd) -> None:
    lmd.apply(BROKEN_INIT)
    refused = lmd("start", "digits")
    assert refused.code == 1 and refused.err == "error: no revision of digits has served; lmd apply makes one\n"
    everything = lmd("start", "--all")
    assert everything.code == 0 and "no revision of digits has served" in everything.err
    both = lmd("stop", "nobody", "digits")
    assert both.code == 1 and "no deployment nobody" in both.err and "digits: stopped" in both.out
    assert lmd("start").code == 2 and lmd("start", "digits", "--all").code == 2


def test_models_that_somebody_has_removed_are_unpacked_again(lmd: Lmd) -> None:
    model = lmd.folder / "weights.txt"
    model.write_text("7")
    assert lmd("model", "register", model, "--name", "seven").code == 0
    place = "__import__('os').environ['AZUREML_MODEL_DIR'] + '/weights.txt'"
    code = script(f"int(open({place}).read())")
    assert lmd.apply(code, models=[{"name": "seven", "version": 1}]).code == 0
    for folder in (lmd.home / "models").iterdir():
        shutil.rmtree(folder)
    restarted = lmd("restart", "digits")
    assert restarted.code == 0, restarted.err
    assert lmd.ask().body == 7
