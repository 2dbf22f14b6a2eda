"""Edits of a living deployment: the same children, the same address, the new answer, and no request lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from app import App
from kube import Cluster, Namespace, take_port
from load import Load, ask, ask_often
from support import given

SCRIPT = """
import os
from pathlib import Path


def init():
    global word
    word = Path(os.environ["AZUREML_MODEL_DIR"], "word.txt").read_text()


def run(raw_data):
    return ["first script", word, os.environ["COLOUR"]]
"""


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int, word_versions: tuple[int, int]) -> App:
    manifest = given.lmd(
        "app",
        shared_port,
        given.inline(SCRIPT),
        models=[{"name": "word", "version": word_versions[0]}],
        env=[{"name": "COLOUR", "value": "first colour"}],
    )
    shared_namespace.apply(manifest)
    shared_namespace.wait_ready("app")
    return App(shared_namespace, manifest, shared_port)


def test_edit_changes_the_answer(app: App) -> None:
    old = ask(app.port)
    new = ["second script", *old[1:]]
    lasting, numbers = app.lasting(), app.numbers()
    with Load(app.port) as load:
        app.edit(scoring=given.inline(SCRIPT.replace("first script", "second script")))
        found = app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        assert ask_often(app.port) == [new]
        app.wait_durable()
    assert load.answers_since(ready) == [new]
    assert app.lasting() == lasting
    assert app.numbers() == [*numbers, numbers[-1] + 1]
    told = found["status"]["revisions"]
    assert (told["wanted"], told["serving"]) == (numbers[-1] + 1, numbers[-1] + 1)


def test_edit_of_resources_is_no_new_revision(app: App) -> None:
    lasting, numbers = app.lasting(), app.numbers()
    with Load(app.port):
        app.edit(resources={"requests": {"memory": "64Mi"}, "limits": {"memory": "512Mi"}})
        app.namespace.wait_ready(app.name)
        ask_often(app.port)
    (pod,) = app.namespace.pods(app.name)
    assert pod["spec"]["containers"][0]["resources"]["limits"] == {"memory": "512Mi"}
    assert app.lasting() == lasting
    assert app.numbers() == numbers


def test_edit_of_replicas_restarts_no_pod(app: App) -> None:
    lasting, numbers = app.lasting(), app.numbers()
    (before,) = app.namespace.pods(app.name)
    with Load(app.port):
        app.edit(replicas=2)
        found = app.namespace.wait_ready(app.name)
    assert found["status"]["replicas"] == 2
    after = {pod["metadata"]["uid"]: pod for pod in app.namespace.pods(app.name)}
    assert len(after) == 2
    kept = after[before["metadata"]["uid"]]
    assert kept["status"]["containerStatuses"][0]["restartCount"] == 0
    assert app.lasting() == lasting
    assert app.numbers() == numbers


def test_kubectl_scale(app: App) -> None:
    numbers = app.numbers()
    for replicas in ("2", "1"):
        app.namespace.kubectl("scale", f"lmd/{app.name}", f"--replicas={replicas}")
        found = app.namespace.wait_ready(app.name)
        assert found["status"]["replicas"] == int(replicas)
        assert len(app.namespace.pods(app.name)) == int(replicas)
    assert app.numbers() == numbers
    app.manifest = given.with_fields(app.manifest, replicas=1)


def test_suspended_edits_wait(app: App) -> None:
    old = ask(app.port)
    with Load(app.port):
        app.edit(suspend=True, env=[{"name": "COLOUR", "value": "third colour"}])
        app.namespace.wait_condition(app.name, "Ready", "False", "Suspended")
        assert ask_often(app.port) == [old]
        app.edit(suspend=False)
        app.namespace.wait_ready(app.name)
        assert ask_often(app.port) == [[*old[:2], "third colour"]]


def test_back_to_an_earlier_revision(namespace: Namespace, port: int) -> None:
    for answer in ("A", "B", "A"):
        namespace.apply(given.lmd("back", port, given.inline(given.script(answer))))
        namespace.wait_ready("back")
        assert ask_often(port) == [answer]
    first, second, third = namespace.revisions("back")
    assert [each["revision"] for each in (first, second, third)] == [1, 2, 3]
    assert first["data"]["image"] == third["data"]["image"] != second["data"]["image"]


def test_two_deployments_do_not_disturb_each_other(
    app: App, namespace: Namespace, cluster: Cluster, ports: Iterator[int]
) -> None:
    other = take_port(cluster, ports)
    with Load(app.port):
        namespace.apply(given.lmd("app", other, given.inline(given.script("of the other"))))
        namespace.wait_ready("app")
        assert ask(other) == "of the other"
    assert ask(app.port)[0] == "second script"
