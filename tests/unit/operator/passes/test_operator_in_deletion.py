"""A resource in deletion that somebody's finalizer holds: it says that it is not followed any more."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localmodel_operator.cluster import EVENT
from localmodel_operator.operator import Operator
from localmodel_operator.passes import reconcile
from localmodel_operator.status import conditions

Object = dict[str, Any]


class Cluster:
    """Has the resource, and keeps what is written."""

    def __init__(self, *finalizers: str) -> None:
        told = {"type": "Ready", "status": "True", "reason": "Serving", "message": "", "lastTransitionTime": "then"}
        self.owner: Object = {
            "apiVersion": "localmodel.dev/v1alpha1",
            "kind": "LocalModelDeployment",
            "metadata": {
                "name": "digits",
                "namespace": "team",
                "uid": "u",
                "generation": 3,
                "resourceVersion": "1",
                "deletionTimestamp": "now",
                "finalizers": list(finalizers),
            },
            "status": {"observedGeneration": 1, "conditions": [told]},
        }
        self.writes = 0
        self.events: list[Object] = []

    async def get(self, *_: Any) -> Object:
        return dict(self.owner)

    async def apply_status(self, owner: Object, after: Object) -> Object:
        self.writes += 1
        self.owner["status"] = after
        return {"status": after}

    async def create(self, kind: Any, namespace: str, body: Object) -> None:
        assert kind is EVENT
        self.events.append(body)


def look(cluster: Cluster) -> None:
    asyncio.run(reconcile.reconcile(cast(Operator, SimpleNamespace(cluster=cluster)), ("team", "digits")))


def test_what_is_held_by_a_finalizer_of_somebody_says_that_edits_are_not_followed() -> None:
    cluster = Cluster("example.com/keep")
    look(cluster)
    ready = conditions.find(cluster.owner["status"], "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Deleting")
    assert "example.com/keep" in ready["message"] and "edits are not followed" in ready["message"]
    assert [event["reason"] for event in cluster.events] == ["Deleting"]
    look(cluster)
    assert cluster.writes == 1, "the second look has nothing new to say"


@pytest.mark.parametrize("finalizers", [(), ("foregroundDeletion",), ("orphan",)])
def test_what_goes_by_itself_is_left_alone(finalizers: tuple[str, ...]) -> None:
    cluster = Cluster(*finalizers)
    look(cluster)
    assert cluster.writes == 0
