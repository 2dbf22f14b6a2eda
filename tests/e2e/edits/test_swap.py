"""Edits that live pods take: they answer by themselves within a moment, and pods that last follow behind them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app import App
from kube import Cluster, Namespace
from load import Load, ask, post
from operator_process import OperatorProcess, register
from support import given

SCRIPT = """
import os
import socket
from pathlib import Path


def init():
    global word
    word = Path(os.environ["AZUREML_MODEL_DIR"], "word.txt").read_text()
    if socket.gethostname() == os.environ.get("NOT_ON"):
        raise RuntimeError("not here")


def run(raw_data):
    names = ("COLOUR", "PAINT", "PASSWORD", "ADDED")
    return {"said": ["first", word, *map(os.environ.get, names)], "by": socket.gethostname()}
"""
COLOUR = {"name": "COLOUR", "value": "first"}
PAINT = {"name": "PAINT", "valueFrom": {"configMapKeyRef": {"name": "paints", "key": "paint"}}}
PASSWORD = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "passwords", "key": "password"}}}


def secret(password: str) -> given.Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "passwords"},
        "stringData": {"password": password},
    }


@pytest.fixture(scope="module")
def app(shared_namespace: Namespace, shared_port: int, word_versions: tuple[int, int]) -> App:
    manifest = given.lmd(
        "app",
        shared_port,
        given.from_config_map("code"),
        models=[{"name": "word", "version": word_versions[0]}],
        env=[COLOUR, PAINT, PASSWORD],
    )
    code = given.config_map("code", {"score.py": SCRIPT})
    shared_namespace.apply(code, given.config_map("paints", {"paint": "first"}), secret("first"), manifest)
    shared_namespace.wait_ready("app")
    return App(shared_namespace, manifest, shared_port)


def edited_code(app: App, words: tuple[int, int]) -> None:
    app.namespace.apply(given.config_map("code", {"score.py": SCRIPT.replace('"first"', '"second"')}))


def edited_model(app: App, words: tuple[int, int]) -> None:
    app.edit(models=[{"name": "word", "version": words[1]}])


def edited_variable(app: App, words: tuple[int, int]) -> None:
    app.edit(env=[{**COLOUR, "value": "second"}, PAINT, PASSWORD])


def edited_config_map(app: App, words: tuple[int, int]) -> None:
    app.namespace.apply(given.config_map("paints", {"paint": "second"}))


def added_variable(app: App, words: tuple[int, int]) -> None:
    app.edit(env=[*app.spec["env"], {"name": "ADDED", "value": "third"}])


def removed_variable(app: App, words: tuple[int, int]) -> None:
    app.edit(env=app.spec["env"][:-1])


@pytest.mark.parametrize(
    ("edit", "place", "said"),
    [
        (edited_code, 0, "second"),
        (edited_model, 1, "second model"),
        (edited_variable, 2, "second"),
        (edited_config_map, 3, "second"),
        (added_variable, 5, "third"),
        (removed_variable, 5, None),
    ],
)
def test_live_pod_answers_by_itself_and_pods_that_last_follow(
    app: App, word_versions: tuple[int, int], edit: Callable[[App, tuple[int, int]], None], place: int, said: Any
) -> None:
    app.wait_durable()
    number, before, old = app.numbers()[-1], app.pods(), ask(app.port)["said"]
    new = [*old[:place], said, *old[place + 1 :]]
    with Load(app.port) as load:
        edit(app, word_versions)
        first = app.wait_answer(lambda answer: answer["said"] == new)
        answered = time.monotonic()
        assert first["by"] in before
        app.wait_serving(number + 1)
        app.wait_durable()
        assert not app.pods().keys() & before.keys()
        assert ask(app.port)["said"] == new
    assert {tuple(each["said"]) for each in load.answers_since(answered, kept=True)} == {tuple(new)}
    assert app.numbers()[-1] == number + 1


def test_a_model_is_sent_once_to_the_node_of_its_pod(
    app: App, cluster: Cluster, home: Path, operator: OperatorProcess, tmp_path: Path
) -> None:
    app.wait_durable()
    (tmp_path / "word.txt").write_text("long" * 25_000)
    mark = operator.mark()
    app.edit(models=[{"name": "word", "version": register(home, "word", tmp_path / "word.txt")}])
    app.wait_answer(lambda answer: answer["said"][1] == "long" * 25_000)
    app.wait_durable()
    assert ask(app.port)["said"][1] == "long" * 25_000
    log = operator.log_since(mark)
    assert log.count("; 100000 more are taken from a pod there") == 1
    assert len(re.findall(r"sending \d+ of \d+ layers", log)) == len(cluster.nodes()), "and no node refused it"


def test_live_pod_takes_a_server_setting(app: App) -> None:
    app.wait_durable()
    before, long = app.pods(), "x" * 2000
    assert post(app.port, long).status_code == 200
    with Load(app.port):
        app.edit(server={"maxRequestBytes": 1024})
        app.namespace.wait_ready(app.name)
        assert ask(app.port)["by"] in before
        assert post(app.port, long).status_code == 413


def rolled_secret(app: App) -> None:
    app.namespace.apply(secret("second"))


def rolled_by_strategy(app: App) -> None:
    app.edit(update={"strategy": "Roll"}, env=[{**COLOUR, "value": "rolled"}, PAINT, PASSWORD])


@pytest.mark.parametrize(("edit", "place", "said"), [(rolled_secret, 4, "second"), (rolled_by_strategy, 2, "rolled")])
def test_new_pod_answers_where_a_live_one_cannot_or_must_not(
    app: App, edit: Callable[[App], None], place: int, said: str
) -> None:
    app.wait_durable()
    number, before, old = app.numbers()[-1], app.pods(), ask(app.port)["said"]
    with Load(app.port):
        edit(app)
        first = app.wait_answer(lambda answer: answer["said"][place] == said)
        assert first["by"] not in before
        assert first["said"] == [*old[:place], said, *old[place + 1 :]]
        app.wait_serving(number + 1)
        app.wait_durable()


def test_three_pods_on_two_nodes_take_an_edit_together_or_not_at_all(app: App, open_cluster: Cluster) -> None:
    app.edit(replicas=3, update={}, env=[{**COLOUR, "value": "before"}, PAINT])
    app.wait_durable()
    before = app.pods()
    assert len({pod["spec"]["nodeName"] for pod in before.values()}) > 1
    bad = min(before)
    with Load(app.port) as load:
        app.edit(env=[{**COLOUR, "value": "after"}, PAINT, {"name": "NOT_ON", "value": bad}])
        told = app.namespace.wait_condition(app.name, "Stalled", "True", "InitFailed")
        assert "RuntimeError: not here" in told["message"]
        time.sleep(1)
        assert app.pods().keys() == before.keys()
        assert app.restarts() == 0
    assert {answer["said"][2] for answer in load.answers_since(0, kept=True)} == {"before"}
    assert {answer["by"] for answer in load.answers_since(0)} == before.keys()
    with Load(app.port) as load:
        app.edit(env=[{**COLOUR, "value": "after"}, PAINT])
        app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        assert app.pods().keys() >= before.keys(), "they have taken it, and are replaced one after the other"
        app.wait_durable()
    assert {answer["said"][2] for answer in load.answers_since(ready, kept=True)} == {"after"}


def test_there_and_back_and_forth(app: App) -> None:
    app.edit(replicas=1, env=[{**COLOUR, "value": "A"}])
    app.wait_durable()
    before, number = app.pods(), app.numbers()[-1]
    with Load(app.port):
        for count, colour in enumerate(("B", "A", "B"), start=1):
            app.edit(env=[{**COLOUR, "value": colour}])
            first = app.wait_answer(lambda answer, colour=colour: answer["said"][2] == colour)  # type: ignore[misc]
            assert count > 1 or first["by"] in before
            app.wait_serving(number + count)
        app.wait_durable()
    assert ask(app.port)["said"][2] == "B"
    images = {each["revision"]: each["data"]["image"] for each in app.namespace.revisions(app.name)}
    assert images[number] == images[number + 1], "variables are in the template, not in the image"


def test_ten_edits_within_a_moment(app: App) -> None:
    number, colours = app.numbers()[-1], [f"edit {count}" for count in range(10)]
    with Load(app.port) as load:
        app.edit_fast(*({"env": [{**COLOUR, "value": colour}]} for colour in colours))
        app.namespace.wait_ready(app.name)
        ready = time.monotonic()
        app.wait_durable()
    answers = [answer["said"][2] for answer in load.answers_since(0)]
    assert {answer["said"][2] for answer in load.answers_since(ready, kept=True)} == {"edit 9"}
    assert [colour for colour in dict.fromkeys(answers) if colour in colours] == sorted({*answers} & {*colours})
    assert number < app.revisions["durable"] <= number + 10


def test_two_edits_within_a_moment(app: App) -> None:
    """The second comes while the first is prepared in the pod, or committed there."""
    with Load(app.port) as load:
        for one, two in (("1", "2"), ("3", "4"), ("5", "6")):
            app.edit_fast({"env": [{**COLOUR, "value": one}]}, {"env": [{**COLOUR, "value": two}]})
            app.namespace.wait_ready(app.name)
            ready = time.monotonic()
            assert ask(app.port)["said"][2] == two
        app.wait_durable()
    assert {answer["said"][2] for answer in load.answers_since(ready, kept=True)} == {"6"}
