"""What of a revision's models nodes have, because their pods were sent it."""

from __future__ import annotations

from typing import Any

from support.operator.operator_given import pod, recorded, state

from localmodel.updates.held import Held
from localmodel_operator.pods.held_models import held_models
from localmodel_operator.pods.pods import Pod

A, B = "a" * 64, "b" * 64
OLD = recorded(1, LOCALMODEL_MODEL=f"words:1@sha256:{A}")
NEW = recorded(2, LOCALMODEL_MODEL=f"words:1@sha256:{A},digits:3@sha256:{B}")


def on(node: str, name: str, *models: str, **others: Any) -> Pod:
    given = pod(OLD, state(NEW, models=frozenset(f"sha256:{model}" for model in models)), name=name, **others)
    given.object["spec"]["nodeName"] = node
    return given


def test_a_model_that_came_with_a_swap_is_held_and_that_of_the_image_is_not() -> None:
    held = held_models([on("one", "x", A, B), on("two", "y", A)], NEW)
    folder = "/var/lib/kubelet/pods/uid of x/volumes/kubernetes.io~empty-dir/state"
    assert held == {"one": Held(folder, {"var/azureml-app/azureml-models/digits/3/": f"models/{B}/"})}


def test_the_pod_that_holds_most_counts() -> None:
    held = held_models([on("one", "x", A), on("one", "y", A, B), on("one", "z")], NEW)
    assert "uid of y" in held["one"].folder


def test_nothing_is_held_by_pods_that_are_silent_or_on_no_node() -> None:
    waiting = on("", "x", A, B)
    assert held_models([waiting, pod(OLD, None)], NEW) == {}


def test_a_variable_of_the_user_leads_nowhere() -> None:
    odd = recorded(2, LOCALMODEL_MODEL="../..:1@sha256:../..,words")
    assert held_models([on("one", "x", A, "../..")], odd) == {}
