"""When a revision may be told to serve: by as many pods as are wanted, as they are wanted, and once told, it stays."""

from __future__ import annotations

from typing import Any, cast

import pytest
from support.operator.operator_given import Object, pod, recorded, state

from localmodel.resource.spec import DeploymentSpec, Source
from localmodel_operator.passes import verify
from localmodel_operator.passes.context import Pass
from localmodel_operator.passes.observed import Observed
from localmodel_operator.pods.pods import Pod

OLD, NEW = recorded(1), recorded(2)
STARTED_OLD, SWAPPED, STARTED_NEW = pod(OLD, state(OLD)), pod(OLD, state(NEW)), pod(NEW, state(NEW))
COMING_UP = pod(NEW, None, ready=False)


def deployment(number: int, replicas: int, resources: Object, **status: int) -> Object:
    """A Deployment of this revision, complete unless `status` says otherwise."""
    template = {
        "metadata": {"labels": {"localmodel.dev/revision": str(number)}},
        "spec": {"containers": [{"resources": resources}]},
    }
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
    return {
        "metadata": {"generation": 4},
        "spec": {"replicas": replicas, "template": template},
        "status": {"observedGeneration": 4, **counts, **status},
    }


def is_due(
    there: list[Pod],
    number: int = 2,
    replicas: int = 1,
    wanted_replicas: int = 1,
    resources: Object | None = None,
    told: Object | None = None,
    **status: int,
) -> bool:
    spec = DeploymentSpec("score.py", Source(config_map="code"), replicas=wanted_replicas)
    owner = {"metadata": {"name": "digits", "namespace": "team", "generation": 7}, "status": told or {}}
    made = deployment(number, replicas, resources or {}, **status)
    observed = Observed(made, None, there, [], [], [], (), 1, None, None, ())
    return verify.is_due(Pass(cast(Any, None), owner, spec), NEW, observed)


def ready(serving: int, generation: int = 7) -> Object:
    return {
        "observedGeneration": generation,
        "revisions": {"serving": serving},
        "conditions": [{"type": "Ready", "status": "True"}],
    }


@pytest.mark.parametrize(
    ("there", "number"),
    [([SWAPPED], 1), ([SWAPPED], 2), ([SWAPPED, COMING_UP], 2), ([SWAPPED, STARTED_NEW], 2), ([STARTED_NEW], 2)],
    ids=["swapped", "template follows", "pods follow", "both answer", "all new"],
)
def test_answers_from_live_pods_and_from_those_that_follow(there: list[Pod], number: int) -> None:
    assert is_due(there, number)


@pytest.mark.parametrize(
    ("there", "number"),
    [([], 2), ([COMING_UP], 2), ([STARTED_OLD], 1), ([SWAPPED, STARTED_OLD], 1), ([STARTED_OLD, STARTED_NEW], 2)],
)
def test_somebody_else_may_answer(there: list[Pod], number: int) -> None:
    assert not is_due(there, number)


def test_more_pods_are_wanted_than_there_are() -> None:
    assert not is_due([STARTED_NEW], replicas=1, wanted_replicas=3)
    assert not is_due([STARTED_NEW], replicas=3, wanted_replicas=3)
    assert not is_due([STARTED_NEW] * 2 + [COMING_UP], replicas=3, wanted_replicas=3)
    assert is_due([STARTED_NEW] * 3, replicas=3, wanted_replicas=3)
    assert not is_due([SWAPPED], 1, replicas=1, wanted_replicas=3)


def test_fewer_pods_are_wanted_than_there_are() -> None:
    assert not is_due([STARTED_NEW] * 2, replicas=2, wanted_replicas=1)
    assert not is_due([STARTED_NEW] * 2, replicas=1, wanted_replicas=1), "one of the two is to go"


def test_other_resources_are_wanted() -> None:
    assert not is_due([STARTED_NEW], resources={"limits": {"memory": "1Gi"}})
    assert not is_due([STARTED_NEW], updatedReplicas=0), "the one that is there still has the old ones"


def test_what_was_told_is_not_taken_back_while_pods_follow() -> None:
    """The last old pod is gone, and the Deployment has not counted yet."""
    assert is_due([STARTED_NEW], told=ready(serving=2), updatedReplicas=0)
    assert not is_due([STARTED_NEW], told=ready(serving=1), updatedReplicas=0)
    assert not is_due([STARTED_NEW], told=ready(serving=2, generation=6), updatedReplicas=0)


def test_what_was_told_is_taken_back_when_a_pod_goes() -> None:
    assert not is_due([STARTED_NEW], replicas=2, wanted_replicas=2, told=ready(serving=2))
