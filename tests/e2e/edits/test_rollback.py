"""The way back: taken by itself from what fails, and on request; until something is edited."""

from __future__ import annotations

import itertools
import subprocess
import time

import pytest
from app import App
from kube import Cluster, Namespace, eventually
from load import Load, ask
from operator_process import LMD, OperatorProcess
from recorder import Recorder
from support import given

SERVE = "localmodel.dev/serve-revision"
LABEL = "localmodel.dev/revision"
# `name` is who answers, `on` what happens to every request, `at_start` what happens to init().
SCRIPT = """
import json
import os
import socket


def init():
    pass  # at_start


def run(raw_data):
    if json.loads(raw_data) == "bad":
        raise ValueError("bad request")
    pass  # on
    return {"name": "NAME", "by": socket.gethostname()}
"""
BROKEN = "{}['age']"


def scripted(name: str, at_start: str = "pass", on: str = "pass") -> given.Object:
    text = SCRIPT.replace("NAME", name).replace("pass  # at_start", at_start).replace("pass  # on", on)
    return {"scoring": given.inline(text)}


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int) -> App:
    manifest = given.lmd("app", shared_port, scripted("first")["scoring"])
    shared_namespace.apply(manifest)
    shared_namespace.wait_ready("app")
    return App(shared_namespace, manifest, shared_port)


def test_what_does_not_start_beside_the_old_one_changes_nothing(app: App, operator: OperatorProcess) -> None:
    app.wait_durable()
    before, template, number = app.pods(), app.template(), app.numbers()[-1]
    with Load(app.port) as load:
        app.edit(**scripted("broken", at_start=BROKEN))
        told = app.namespace.wait_condition(app.name, "Stalled", "True", "InitFailed")
        assert "init() failed: score.py:8: KeyError: 'age'" in told["message"]
        assert f"(revision {number} goes on serving)" in told["message"]
        assert app.namespace.condition(app.name, "Available")["status"] == "True"
        assert (app.pods().keys(), app.template(), app.restarts()) == (before.keys(), template, 0)

        mark = operator.mark()
        operator.stop()
        operator.start()
        time.sleep(3)  # there is no sign of a pass that finds nothing to do
        assert "sending" not in operator.log_since(mark), "what has failed is not tried again"
        assert (app.pods().keys(), app.numbers()[-1]) == (before.keys(), number + 1)
        assert app.namespace.condition(app.name, "Stalled")["reason"] == "InitFailed"
    assert {answer["name"] for answer in load.answers_since(0, kept=True)} == {"first"}


def test_an_edit_ends_the_failure(app: App) -> None:
    with Load(app.port):
        app.edit(**scripted("second"))
        app.namespace.wait_ready(app.name)
        assert ask(app.port)["name"] == "second"
        app.wait_durable()


def serve(app: App, value: str | None) -> None:
    app.namespace.kubectl("annotate", "--overwrite", f"lmd/{app.name}", f"{SERVE}={value}" if value else f"{SERVE}-")


def test_asked_for_by_annotation(app: App) -> None:
    app.wait_durable()
    numbers, before = app.numbers(), app.pods()
    first, newest = numbers[0], numbers[-1]
    with Load(app.port) as load:
        serve(app, str(first))
        serves = f"--for=jsonpath={{.status.revisions.serving}}={first}"
        app.namespace.kubectl("wait", "lmd/app", serves, "--timeout=90s")
        answer = ask(app.port)
        assert answer["name"] == "first" and answer["by"] in before, "live pods go back"
        found = app.wait_serving(first)
        ready = app.namespace.condition(app.name, "Ready")
        assert (ready["status"], ready["reason"]) == ("True", "ServingAsked")
        assert found["status"]["revisions"]["wanted"] == newest
        app.wait_durable(first)
        assert app.numbers() == numbers, "no new revision"

        serve(app, "99")
        told = app.namespace.wait_condition(app.name, "Stalled", "True", "RevisionNotFound")
        assert "99; kept are: 1, " in told["message"] and f"{SERVE}-, or edit" in told["message"]
        assert ask(app.port)["name"] == "first"

        serve(app, f"{first} once more")
        app.wait_serving(first)
        serve(app, "99 again")
        app.namespace.wait_condition(app.name, "Stalled", "True", "RevisionNotFound")
        app.edit(**scripted("third"))
        app.namespace.wait_ready(app.name)
        assert ask(app.port)["name"] == "third"
        app.wait_durable(newest + 1)
    assert list(dict.fromkeys(answer["name"] for answer in load.answers_since(0))) == ["second", "first", "third"]


def test_asked_for_by_the_command_and_taken_back(app: App) -> None:
    numbers = app.numbers()
    with Load(app.port):
        command = [LMD, "rollback", app.name, "--target", "kind", "--namespace", app.namespace.name]
        subprocess.run([*command, "--context", app.namespace.cluster.context], check=True, capture_output=True)
        assert ask(app.port)["name"] == "first", "what served before"
        serve(app, None)
        app.wait_serving(numbers[-1])
        assert ask(app.port)["name"] == "third"
        app.wait_durable(numbers[-1])


def test_errors_after_the_switch(app: App, recorder: Recorder) -> None:
    app.wait_durable()
    number, before = app.revisions["serving"], app.pods()
    for _ in range(15):
        ask(app.port)
    with Load(app.port, lossless=False) as load:
        time.sleep(1)
        app.edit(**scripted("failing", on=BROKEN))
        told = app.namespace.wait_condition(app.name, "Stalled", "True", "ErrorRate")
        gone_back = time.monotonic()
        assert "requests failed" in told["message"] and f"(revision {number} goes on serving)" in told["message"]
        assert app.pods().keys() == before.keys(), "the parked workers serve again: no pod was replaced"
        time.sleep(1)
    assert load.lost and all("KeyError" in each.problem or "500" in each.problem for each in load.lost)
    assert not [each for each in load.lost if each.sent > gone_back]
    app.wait_durable(number)
    assert ask(app.port)["name"] == "third"
    of_it = [each for each in recorder.resources if each.owner == (app.namespace.name, app.name)]
    assert not [each for each in of_it if each.is_ready and each.revisions.get("serving") == number + 1]


def test_a_share_of_errors_is_told_until_it_is_over(app: App) -> None:
    """Too few to give the revision up."""
    sometimes = "globals().update(n=globals().get('n', 0) + 1); n % 3 or {}['age']"
    with Load(app.port, lossless=False):
        time.sleep(1)
        app.edit(**scripted("sometimes", on=sometimes))
        number = app.namespace.wait_ready(app.name)["status"]["revisions"]["serving"]
        told = app.namespace.wait_condition(app.name, "Degraded", "True", "RequestsFail")
        assert f"requests to revision {number} fails" in told["message"]
        assert app.namespace.condition(app.name, "Ready")["status"] == "True"
    app.edit(**scripted("third"))
    app.namespace.wait_ready(app.name)
    eventually(lambda: not app.namespace.condition(app.name, "Degraded"), "nothing fails any more")


def test_requests_that_are_wrong_themselves_speak_against_nobody(app: App) -> None:
    app.edit(**scripted("fourth"))
    app.wait_durable()
    with Load(app.port, body="bad", lossless=False):
        time.sleep(1)
        app.edit(**scripted("fifth"))
        app.namespace.wait_ready(app.name)
        time.sleep(3)
        assert app.namespace.condition(app.name, "Ready")["status"] == "True"
    assert ask(app.port)["name"] == "fifth"
    app.wait_durable()


def test_what_starts_only_beside_an_old_one(app: App) -> None:
    """It is swapped well into a live pod, and no pod can be started with it."""
    app.wait_durable()
    number, before = app.revisions["serving"], app.pods()
    only_here = f"if socket.gethostname() not in {sorted(before)}: {BROKEN}"
    with Load(app.port) as load:
        app.edit(**scripted("sixth", at_start=only_here))
        first = app.wait_answer(lambda answer: answer["name"] == "sixth")
        assert first["by"] in before
        told = app.namespace.wait_condition(app.name, "Stalled", "True", "InitFailed", 60)
        assert "KeyError: 'age'" in told["message"] and f"(revision {number} goes on serving)" in told["message"]
        assert ask(app.port)["name"] == "fifth"
        app.wait_durable(number)
    answers = (each.answer["name"] for each in load.asked if each.on_new_connection)
    assert [name for name, _ in itertools.groupby(answers)] == ["fifth", "sixth", "fifth"]


def test_edit_while_it_goes_back(app: App) -> None:
    """The pods of the failed revision, those of the one before and the edit are under way at once."""
    app.wait_durable(app.revisions["serving"])
    only_here = f"if socket.gethostname() not in {sorted(app.pods())}: {BROKEN}"
    with Load(app.port) as load:
        app.edit(**scripted("seventh", at_start=only_here))

        def goes_back() -> bool:
            annotations = app.namespace.revisions(app.name)[-1]["metadata"].get("annotations", {})
            return "localmodel.dev/failed" in annotations

        eventually(goes_back, "the revision given up", 60)
        app.edit(**scripted("eighth"))
        app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        app.wait_durable()
    assert {answer["name"] for answer in load.answers_since(ready, kept=True)} == {"eighth"}


def test_what_has_lasted_is_not_given_up_for_a_crash(app: App, cluster: Cluster) -> None:
    app.wait_durable()
    number = app.revisions["serving"]
    for count in (1, 2):  # the kubelet waits before it starts what has ended twice
        ((_, pod),) = app.ready_pods().items()
        (status,) = pod["status"]["containerStatuses"]
        cluster.kill_container(pod["spec"]["nodeName"], status["containerID"].partition("://")[2])
        eventually(lambda count=count: app.restarts() == count, "started again", 60)  # type: ignore[misc]
        eventually(lambda: bool(app.ready_pods()), "ready again", 60)
    app.namespace.wait_ready(app.name)
    assert (app.revisions["serving"], app.numbers()[-1]) == (number, number)
    assert ask(app.port)["name"] == "eighth"
