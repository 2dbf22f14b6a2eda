"""A new revision that answers a share of the requests first: nothing is lost, and what is worse never serves."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from app import App
from kube import Namespace, eventually
from load import Load, ask_often
from operator_process import LMD, OperatorProcess
from support import given

FAILS = given.script("third").replace("return", "raise ValueError(raw_data) or")


def canary(*steps: tuple[int, int], **fields: Any) -> given.Object:
    shares = [{"percent": percent, "seconds": seconds} for percent, seconds in steps]
    return {"canary": {"steps": shares, "minRequests": 5, **fields}}


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int) -> App:
    manifest = given.lmd("app", shared_port, given.inline(given.script("first")), update=canary((50, 2)))
    shared_namespace.apply(manifest)
    shared_namespace.wait_ready("app")
    return App(shared_namespace, manifest, shared_port)


def test_it_is_promoted_by_its_figures_although_the_operator_is_killed(app: App, operator: OperatorProcess) -> None:
    app.wait_durable()
    with Load(app.port, per_second=40) as load:
        app.edit(scoring=given.inline(given.script("second")), update=canary((50, 6), (80, 2)))
        app.namespace.wait_condition("app", "Ready", "False", "CanaryRunning")
        eventually(lambda: "second" in load.answers_since(0), "an answer of the candidate", 30)
        operator.kill()
        operator.start()
        app.namespace.wait_ready("app", 90)
    assert set(load.answers_since(0, kept=True)) == {"first", "second"}
    assert ask_often(app.port) == ["second"]
    assert app.revisions["serving"] == 2 and "canary" not in app.get()["status"]


def test_one_that_fails_is_out_within_its_step(app: App) -> None:
    app.wait_durable()
    good = app.manifest
    with Load(app.port, per_second=40, lossless=False) as load:
        app.edit(scoring=given.inline(FAILS), update=canary((10, 600)))
        failed = app.namespace.wait_condition("app", "Stalled", "True", "CanaryFailed")
        assert "revision 3: " in failed["message"] and "(revision 2 goes on serving)" in failed["message"]
    assert 0 < len(load.lost) < len(load.asked) / 4
    assert ask_often(app.port) == ["second"]
    app.manifest = good
    app.edit()
    app.namespace.wait_ready("app")


def test_a_person_promotes(app: App) -> None:
    app.wait_durable()
    with Load(app.port, per_second=40):
        app.edit(scoring=given.inline(given.script("fourth")), update=canary((20, 1), promote="Manual"))
        app.namespace.wait_condition("app", "Ready", "False", "AwaitingPromotion")
        where = ["--target", "kind", "--context", app.namespace.cluster.context, "--namespace", app.namespace.name]
        subprocess.run([LMD, "promote", "app", *where], check=True, capture_output=True)
    assert ask_often(app.port) == ["fourth"]
