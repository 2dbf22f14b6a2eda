"""A new revision that answers a share of the requests first: nothing is lost, and what is worse never serves."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import pytest
from app import App
from extra_node import docker
from kube import Namespace, eventually
from load import Load, ask, ask_often
from operator_process import LMD, OperatorProcess
from support import given

SAYS_WHERE = "import socket\n\n\ndef init():\n    pass\n\n\ndef run(raw_data):\n    return [%r, socket.gethostname()]\n"
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


def test_pods_that_are_deleted_and_nodes_that_pause_in_every_step_go_on_with_its_share(app: App) -> None:
    app.edit(scoring=given.inline(SAYS_WHERE % "fifth"), update={}, replicas=2)
    app.namespace.wait_ready("app")
    app.wait_durable()
    shares = {1: 30, 2: 70}
    with Load(app.port, per_second=40) as load:
        app.edit(scoring=given.inline(SAYS_WHERE % "sixth"), update=canary(*((share, 15) for share in shares.values())))
        for step, share in shares.items():
            eventually(lambda step=step: _canary(app).get("step") == step, f"step {step}", 60)  # type: ignore[misc]
            pods = set(app.pods())
            app.namespace.kubectl("delete", "pod", min(pods), "--wait=false")
            _pause(f"{app.namespace.cluster.name}-worker", 2)
            (new,) = eventually(lambda pods=pods: set(app.ready_pods()) - pods, "another pod", 60)  # type: ignore[misc]
            eventually(lambda new=new: _words(load, new) == {"fifth", "sixth"}, f"both answers of {new}", 30)  # type: ignore[misc]
            assert (_canary(app)["step"], _canary(app)["percent"]) == (step, share), "still its step"
        app.namespace.wait_ready("app", 120)
    assert {word for word, _ in (ask(app.port) for _ in range(20))} == {"sixth"}


def _canary(app: App) -> Any:
    return app.get()["status"].get("canary", {})


def _words(load: Load, pod: str) -> set[str]:
    """What the pod answered."""
    return {word for word, where in load.answers_since(0, kept=True) if where == pod}


def _pause(node: str, seconds: float) -> None:
    """Every process in the node stands still for so long."""
    docker("pause", node)
    try:
        time.sleep(seconds)
    finally:
        docker("unpause", node)
