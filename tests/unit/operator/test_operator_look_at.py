"""What is due for a key of the queue, with an API server that is away for a moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localmodel_operator import main, workqueue
from localmodel_operator.cluster import UnreachableError
from localmodel_operator.operator import EVERY, Operator
from localmodel_operator.passes import at_rest, reconcile
from localmodel_operator.workqueue import Key, WorkQueue

THERE = [("a", "one"), ("a", "two")]
RESTING = {
    "metadata": {"namespace": "a", "name": "three"},
    "spec": {"suspend": True},
    "status": {"observedGeneration": 1},
}


class Cluster:
    """Answers from the second time on."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def list(self, kind: Any, namespace: str | None) -> list[dict[str, Any]]:
        self.asked.append(namespace)
        if len(self.asked) == 1:
            raise UnreachableError("429 storage is (re)initializing")
        return [{"metadata": {"namespace": namespace, "name": name}, "spec": {}} for namespace, name in THERE] + [
            RESTING
        ]


async def test_news_of_a_node_reach_every_resource_though_the_api_server_was_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[Key] = []
    both = asyncio.Event()

    async def look(operator: Operator, key: Key) -> None:
        looked_at.append(key)
        if len(looked_at) == len(THERE):
            both.set()

    monkeypatch.setattr(reconcile, "reconcile", look)
    monkeypatch.setattr(at_rest, "is_at_rest", lambda owner: owner is RESTING)
    monkeypatch.setattr(workqueue, "_FIRST_DELAY", 0.01)
    cluster, queue = Cluster(), WorkQueue()
    site = cast(Operator, SimpleNamespace(cluster=cluster, queue=queue))
    working = asyncio.create_task(queue.work(lambda key: main.look_at(site, "uid", ("a",), key)))
    queue.add(EVERY)
    await asyncio.wait_for(both.wait(), 60)
    working.cancel()
    assert (looked_at, cluster.asked) == (THERE, ["a", "a"])
