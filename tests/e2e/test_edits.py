"""Edits of a living deployment: the same children, the same address, the new answer, and no request lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import given
import pytest
from conftest import take_port
from kube import Cluster, Namespace, eventually
from load import Load, ask, ask_often, post

SCRIPT = """
import os
from pathlib import Path


def init():
    global word
    word = Path(os.environ["AZUREML_MODEL_DIR"], "word.txt").read_text()


def run(raw_data):
    return ["first script", word, os.environ["COLOUR"]]
"""


@dataclass
class App:
    """A deployment that the tests of this file edit one after the other."""

    namespace: Namespace
    manifest: given.Object
    port: int

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    def edit(self, **fields: Any) -> None:
        self.manifest = given.with_fields(self.manifest, **fields)
        self.namespace.apply(self.manifest)

    def lasting(self) -> list[str]:
        """What an update must not change."""
        deployment, service = (self.namespace.get(kind, self.name) for kind in ("deployment", "service"))
        port = service["spec"]["ports"][0]["nodePort"]
        return [deployment["metadata"]["uid"], service["metadata"]["uid"], service["spec"]["clusterIP"], str(port)]

    def numbers(self) -> list[int]:
        return [revision["revision"] for revision in self.namespace.revisions(self.name)]


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int, word_versions: tuple[int, int]) -> App:
    manifest = given.lmd(
        "app",
        shared_port,
        given.inline(SCRIPT),
        models=[{"name": "word", "version": word_versions[0]}],
        env=[{"name": "COLOUR", "value": "first colour"}],
    )
    app = App(shared_namespace, manifest, shared_port)
    app.edit()
    shared_namespace.wait_ready("app")
    return app


@pytest.mark.parametrize(
    ("which", "fields"),
    [
        (0, lambda words: {"scoring": given.inline(SCRIPT.replace("first script", "second script"))}),
        (1, lambda words: {"models": [{"name": "word", "version": words[1]}]}),
        (2, lambda words: {"env": [{"name": "COLOUR", "value": "second colour"}]}),
    ],
    ids=["script", "model version", "variable"],
)
def test_edit_changes_the_answer(
    app: App, word_versions: tuple[int, int], which: int, fields: Callable[[tuple[int, int]], given.Object]
) -> None:
    old = ask(app.port)
    new = [*old]
    new[which] = old[which].replace("first", "second")
    lasting, numbers = app.lasting(), app.numbers()
    with Load(app.port) as load:
        app.edit(**fields(word_versions))
        found = app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        assert ask_often(app.port) == [new]
    assert load.answers_since(ready) == [new]
    assert app.lasting() == lasting
    assert app.numbers() == [*numbers, numbers[-1] + 1]
    assert found["status"]["revisions"] == {"wanted": numbers[-1] + 1, "serving": numbers[-1] + 1}


def test_edit_of_a_server_setting(app: App) -> None:
    long = "x" * 2000
    assert post(app.port, long).status_code == 200
    lasting, numbers = app.lasting(), app.numbers()
    with Load(app.port):
        app.edit(server={"maxRequestBytes": 1024})
        app.namespace.wait_ready(app.name)
        assert {post(app.port, long).status_code for _ in range(10)} == {413}
    assert app.lasting() == lasting
    assert app.numbers() == [*numbers, numbers[-1] + 1]


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


@pytest.fixture
def referring(namespace: Namespace, port: int) -> App:
    """A deployment with its script and a variable in ConfigMaps."""
    script = "import os\n" + given.script("").replace("''", "['first', os.environ['COLOUR']]")
    reference = {"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "colours", "key": "paint"}}}
    namespace.apply(
        given.config_map("code", {"score.py": script}),
        given.config_map("colours", {"paint": "red"}),
        given.lmd("app", port, given.from_config_map("code"), env=[reference]),
    )
    namespace.wait_ready("app")
    return App(namespace, namespace.get("lmd", "app"), port)


def test_edits_in_place_of_what_is_referred_to(referring: App) -> None:
    namespace, port = referring.namespace, referring.port
    script = namespace.get("configmap", "code")["data"]["score.py"]
    lasting = referring.lasting()
    edits = (
        (given.config_map("code", {"score.py": script.replace("first", "second")}), ["second", "red"]),
        (given.config_map("colours", {"paint": "green"}), ["second", "green"]),
    )
    assert ask(port) == ["first", "red"]
    with Load(port):
        for number, (edit, answer) in enumerate(edits, start=2):
            namespace.apply(edit)
            _wait_serving(namespace, number)
            assert ask_often(port) == [answer]
    assert referring.lasting() == lasting


def _wait_serving(namespace: Namespace, number: int) -> None:
    """An edit in place changes no generation, so Ready alone does not tell that it was seen."""

    def serves() -> bool:
        return bool(namespace.get("lmd", "app")["status"]["revisions"].get("serving") == number)

    eventually(serves, f"revision {number} serves")
    namespace.wait_ready("app")


def test_two_deployments_do_not_disturb_each_other(
    app: App, namespace: Namespace, cluster: Cluster, ports: Iterator[int]
) -> None:
    other = take_port(cluster, ports)
    with Load(app.port):
        namespace.apply(given.lmd("app", other, given.inline(given.script("of the other"))))
        namespace.wait_ready("app")
        assert ask(other) == "of the other"
    assert ask(app.port)[0] == "second script"
