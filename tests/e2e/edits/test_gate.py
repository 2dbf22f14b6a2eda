"""The gate: a revision that gives wrong answers never serves, says which, and costs the one before nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from app import App
from kube import Namespace, eventually
from load import Load, ask
from support import given

SCRIPT = """
import socket
import time


def init():
    pass


def run(raw_data):
    time.sleep(0)
    return {"label": 2, "scores": [{"of": 2, "is": 0.75}], "by": socket.gethostname()}
"""
FIELDS = [{"path": "$.label", "equals": 2}, {"path": "$.scores[0].is", "equals": 0.7, "tolerance": "0.1"}]
DIGIT = {"name": "digit", "body": "[1]", "expect": {"fields": FIELDS, "maxMilliseconds": 2000}}
GATE = {"gate": {"requests": [DIGIT]}}


def scripted(old: str = "", new: str = "") -> given.Object:
    return given.inline(SCRIPT.replace(old, new))


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int) -> App:
    manifest = given.lmd("app", shared_port, scripted(), update=GATE)
    shared_namespace.apply(manifest)
    shared_namespace.wait_ready("app")
    return App(shared_namespace, manifest, shared_port)


def test_first_revision_is_asked_before_it_is_ready(app: App) -> None:
    app.wait_durable()
    passed = app.namespace.condition(app.name, "GatePassed")
    assert (passed["status"], passed["reason"]) == ("True", "Passed")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"scoring": scripted('"label": 2', '"label": 3')}, "gate: request 1 (digit): $.label: expected 2, got 3"),
        ({"scoring": scripted("0.75", "0.5")}, "$.scores[0].is: expected 0.7 within 0.1, got 0.5"),
        ({"scoring": scripted('{"label": 2', '{"other": 2')}, "$.label: expected 2, got nothing"),
        ({"scoring": scripted("time.sleep(0)", "{}['age']")}, "KeyError: 'age'"),
        ({"scoring": scripted("time.sleep(0)", "time.sleep(3)")}, "the limit is 2000 ms"),
        ({"update": {"gate": {"requests": [{"expect": {"json": 7}}]}}}, "gate: request 1: $: expected 7, got {"),
        ({"update": {"gate": {"requests": [{"method": "GET", "path": "/no"}]}}}, "status: expected 200, got 404"),
    ],
    ids=["value", "tolerance", "field", "run() raises", "latency", "whole answer", "status"],
)
def test_what_fails_is_named_and_live_pods_go_on(app: App, edit: given.Object, words: str) -> None:
    before, template, good = app.pods(), app.template(), app.manifest
    revision = app.revisions["serving"]
    with Load(app.port, per_second=20) as load:
        app.edit(**edit)
        app.manifest = good
        stalled = app.namespace.wait_condition(app.name, "Stalled", "True", "GateFailed")
        for kind in ("Ready", "GatePassed"):
            told = app.namespace.condition(app.name, kind)
            assert (told["status"], told["reason"]) == ("False", "GateFailed")
            assert words in told["message"]
        assert f"(revision {revision} goes on serving)" in stalled["message"]
        assert (app.template(), app.pods().keys(), app.restarts()) == (template, before.keys(), 0)
    assert {answer["label"] for answer in load.answers_since(0, kept=True)} == {2}


def test_taking_the_edit_back_mends_it(app: App) -> None:
    before, good = app.pods(), app.manifest
    with Load(app.port) as load:
        app.edit(**good["spec"])
        applied = time.monotonic()
        app.namespace.wait_ready(app.name)
        passed = app.namespace.condition(app.name, "GatePassed")
        assert (passed["status"], passed["reason"]) == ("True", "Passed")
    # The pods that run answer; others may follow at once.
    answers = load.answers_since(applied, kept=True)
    assert {answer["label"] for answer in answers} == {2} and answers[0]["by"] in before


def test_mending_only_the_gate_serves_what_had_failed(app: App) -> None:
    app.edit(scoring=scripted('"label": 2', '"label": 5'))
    app.namespace.wait_condition(app.name, "Stalled", "True", "GateFailed")
    assert ask(app.port)["label"] == 2
    expected = [{"path": "$.label", "equals": 5}]
    app.edit(update={"gate": {"requests": [{**DIGIT, "expect": {"fields": expected}}]}})
    app.namespace.wait_ready(app.name)
    assert ask(app.port)["label"] == 5


def test_answers_to_captured_requests_may_not_change_either(app: App) -> None:
    gate = {"requests": [{**DIGIT, "expect": {"fields": [{"path": "$.label", "equals": 5}]}}]}
    update = {"gate": gate, "replay": {"minRequests": 5}}
    app.edit(scoring=scripted('"label": 2', '"label": 5'), capture={"percent": 100}, update=update)
    app.namespace.wait_ready(app.name)
    assert app.namespace.condition(app.name, "Replayed")["reason"] == "TooFewCaptured"
    app.wait_durable()
    (pod,) = app.pods()
    for _ in range(8):  # pods that end may answer, too, and what they capture ends with them
        eventually(lambda: ask(app.port)["by"] == pod, f"an answer from {pod}")
    time.sleep(1)  # what was answered is written then
    edited = given.inline(SCRIPT.replace('"label": 2', '"label": 5').replace("0.75", "0.5"))
    app.edit(scoring=edited)
    stalled = app.namespace.wait_condition(app.name, "Stalled", "True", "ReplayFailed")
    told = app.namespace.condition(app.name, "Replayed")
    assert (told["status"], told["reason"]) == ("False", "ReplayFailed")
    assert "8 of 8 answers to captured requests change: $.scores[*].is in 8" in stalled["message"]
    assert ask(app.port)["scores"] == [{"of": 2, "is": 0.75}]
    app.edit(update={"gate": gate, "replay": {"minRequests": 5, "maxChanged": 20}})
    app.namespace.wait_ready(app.name)
    told = app.namespace.condition(app.name, "Replayed")
    assert (told["status"], told["reason"]) == ("True", "AnsweredAsBefore"), told
    assert ask(app.port)["scores"] == [{"of": 2, "is": 0.5}]


def test_new_pods_answer_what_those_before_were_asked_before_they_serve(app: App) -> None:
    gate = {"requests": [{**DIGIT, "expect": {"fields": [{"path": "$.label", "equals": 5}]}}]}
    replay = {"minRequests": 5, "ignore": ["$.by"]}  # which names the pod
    app.edit(update={"gate": gate, "replay": replay, "strategy": "Roll"})
    app.namespace.wait_ready(app.name)
    app.wait_durable()
    with Load(app.port, per_second=20) as load:
        time.sleep(2)
        app.edit(scoring=given.inline(SCRIPT.replace('"label": 2', '"label": 5')))
        stalled = app.namespace.wait_condition(app.name, "Stalled", "True", "ReplayFailed")
        assert "answers to captured requests change: $.scores[*].is in" in stalled["message"]
        app.edit(scoring=given.inline(SCRIPT.replace('"label": 2', '"label": 5').replace("0.75", "1 / 2")))
        app.namespace.wait_ready(app.name)
        told = app.namespace.condition(app.name, "Replayed")
        assert (told["status"], told["reason"]) == ("True", "AnsweredAsBefore"), told
        app.wait_durable()
    assert {answer["scores"][0]["is"] for answer in load.answers_since(0, kept=True)} == {0.5}


def gate_file(label: int) -> Any:
    requests = [{"body": "[1]", "expect": {"fields": [{"path": "$.label", "equals": label}]}}]
    return given.config_map("gate", {"gate.yaml": json.dumps(requests)})


def test_gate_in_a_config_map(namespace: Namespace, port: int) -> None:
    """Nothing serves yet: the first revision that passes is the first that is ready."""
    namespace.apply(gate_file(9), given.lmd("app", port, scripted(), update={"gate": {"configMap": {"name": "gate"}}}))
    told = namespace.wait_condition("app", "Stalled", "True", "GateFailed")
    assert "expected 9, got 2" in told["message"]
    assert namespace.condition("app", "Available")["status"] == "False"
    app = App(namespace, namespace.get("lmd", "app"), port)
    assert not app.ready_pods()
    namespace.apply(gate_file(2))
    namespace.wait_ready("app", 60)
    assert ask(port)["label"] == 2
