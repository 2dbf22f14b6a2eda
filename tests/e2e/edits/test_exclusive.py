"""A revision that needs what the one before holds; and what others write into the Deployment that serves it."""

from __future__ import annotations

from typing import Any

import pytest
from app import App
from kube import Namespace, eventually
from load import ask
from operator_process import OperatorProcess
from support import given

SCRIPT = """
import os
import socket
held = socket.socket()


def init():
    held.bind(("127.0.0.1", 9000))
    pass  # at_start


def run(raw_data):
    return ["NAME", os.environ.get("HACK")]
"""


def holding(name: str, at_start: str = "pass") -> Any:
    return given.inline(SCRIPT.replace("NAME", name).replace("pass  # at_start", at_start))


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int, operator_of_all: OperatorProcess) -> App:
    manifest = given.lmd("holds", shared_port, holding("first"))
    shared_namespace.apply(manifest)
    shared_namespace.wait_ready("holds")
    return App(shared_namespace, manifest, shared_port)


def test_what_the_old_revision_holds_is_said(app: App) -> None:
    app.wait_durable()
    app.edit(scoring=holding("second"))
    told = app.namespace.wait_condition(app.name, "Stalled", "True", "InitFailed")
    assert "Address already in use; revision 1, which serves, may hold it" in told["message"]
    assert "spec.update.strategy: Recreate" in told["message"] and ask(app.port) == ["first", None]


def test_recreate_ends_the_old_revision_first(app: App) -> None:
    before = app.pods()
    app.edit(scoring=holding("third"), update={"strategy": "Recreate"})
    app.wait_durable()
    assert ask(app.port) == ["third", None] and not before.keys() & app.pods().keys()
    assert app.namespace.get("deployments", app.name)["spec"]["strategy"] == {"type": "Recreate"}


def test_after_a_recreate_that_fails_the_old_revision_serves_again(app: App) -> None:
    number = app.revisions["serving"]
    app.edit(scoring=holding("broken", "{}['age']"))
    told = app.namespace.wait_condition(app.name, "Stalled", "True", "InitFailed")
    assert "KeyError: 'age'; spec.update.strategy: Recreate had ended what served" in told["message"]
    app.wait_durable(number)
    assert ask(app.port) == ["third", None]
    app.edit(scoring=holding("third"), update={"strategy": "Auto"})
    app.namespace.wait_ready(app.name)


def test_what_others_set_of_the_container_does_not_survive(app: App) -> None:
    app.wait_durable()
    kubectl = app.namespace.kubectl
    template = app.template()
    kubectl("set", "env", f"deployment/{app.name}", "HACK=1", "WORKER_COUNT=3")
    sources = '[{"configMapRef": {"name": "nosuch", "optional": true}}]'
    container = "/spec/template/spec/containers/0"
    patch = f'[{{"op": "add", "path": "{container}/envFrom", "value": {sources}}}]'
    kubectl("patch", "deployment", app.name, "--type", "json", "--patch", patch)
    kubectl(
        "patch", "deployment", app.name, "--patch", '{"spec": {"template": {"metadata": {"labels": {"mesh": "on"}}}}}'
    )

    def put_back() -> bool:
        now = app.template()
        assert now["metadata"]["labels"].get("mesh") == "on", "labels of others stay"
        return bool(now["spec"] == template["spec"])

    eventually(put_back, "the container is as it was made", 30)
    told = [event for event in app.namespace.events(app.name) if event["reason"] == "PutBack"]
    assert any("env HACK" in event["message"] for event in told) and {event["type"] for event in told} == {"Warning"}
    app.wait_durable()
    assert ask(app.port) == ["third", None], "the pod of the changed template, which is of this revision, has gone"
