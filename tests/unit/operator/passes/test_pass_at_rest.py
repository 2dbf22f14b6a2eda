"""Suspended resources of which nothing runs, and those with no replicas, cost nothing, however many there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.operator.simulation import Simulation

from localmodel_operator.passes.at_rest import is_at_rest


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def test_suspended_one_is_at_rest_as_soon_as_its_status_says_so(sim: Simulation) -> None:
    sim.serve("first", suspend=True)
    assert not is_at_rest(sim.owner())
    await sim.settle()
    assert sim.condition("Ready")["reason"] == "Suspended"
    assert is_at_rest(sim.owner())
    written = len(sim.written)
    sim.look_again()
    await sim.settle()
    assert len(sim.written) == written
    assert not sim.wrong()


async def test_resumed_one_serves(sim: Simulation) -> None:
    sim.serve("first", suspend=True)
    await sim.settle()
    sim.serve("first")
    assert not is_at_rest(sim.owner())
    await sim.settle()
    assert (sim.condition("Ready")["status"], sim.answer()) == ("True", "first")


async def test_suspended_one_that_serves_is_looked_at(sim: Simulation) -> None:
    sim.serve("first")
    await sim.settle()
    sim.serve("second", suspend=True)
    await sim.settle()
    assert (sim.condition("Ready")["reason"], sim.answer()) == ("Suspended", "first")
    assert not is_at_rest(sim.owner())


async def test_one_without_replicas_is_at_rest_when_its_edit_is_recorded(sim: Simulation) -> None:
    sim.serve("first", replicas=0)
    assert not is_at_rest(sim.owner())
    await sim.settle()
    ready = sim.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("True", "ScaledToZero")
    assert is_at_rest(sim.owner())
    sim.serve("second", replicas=0)
    assert not is_at_rest(sim.owner())
    await sim.settle()
    assert is_at_rest(sim.owner()) and sim.numbers() == [1, 2]
    written = len(sim.written)
    sim.look_again()
    await sim.settle()
    assert len(sim.written) == written
    assert not sim.wrong()


async def test_one_without_replicas_has_no_image_sent_before_a_pod_is_wanted(sim: Simulation) -> None:
    sim.serve("first", replicas=0)
    await sim.settle()
    sim.serve("second", replicas=0)
    await sim.settle()
    assert not sim.pods.images
    sim.serve("second", replicas=1)
    await sim.settle()
    assert len(sim.pods.images) == 1
    assert (sim.condition("ImageDelivered")["status"], sim.answer()) == ("True", "second")
    sim.serve("third", replicas=0)
    await sim.settle()
    delivered = sim.condition("ImageDelivered")
    assert (delivered["status"], delivered["reason"]) == ("False", "ScaledToZero")
    assert is_at_rest(sim.owner())
    assert not sim.wrong()


@pytest.mark.parametrize(
    "fields",
    [
        {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}}}]},
        {"update": {"gate": {"configMap": "gate"}}},
        {"replicas": 1},
    ],
    ids=["variable", "gate", "pods"],
)
async def test_what_changes_without_an_edit_is_looked_at(sim: Simulation, fields: dict[str, Any]) -> None:
    sim.apply({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "gate"}, "data": {}})
    sim.serve("first", **{"replicas": 0, **fields})
    await sim.settle()
    assert not is_at_rest(sim.owner())


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"generation": 2}},
        {"metadata": {"annotations": {"localmodel.dev/serve-revision": "1"}}},
        {"metadata": {"deletionTimestamp": "2026-01-02T00:00:00Z"}},
        {"status": {}},
        {"status": {"replicas": 1}},
    ],
    ids=str,
)
async def test_what_a_pass_would_change_without_replicas_is_looked_at(
    sim: Simulation, change: dict[str, dict[str, Any]]
) -> None:
    sim.serve("first", replicas=0)
    await sim.settle()
    owner = sim.owner()
    for part, fields in change.items():
        owner = {**owner, part: {**owner[part], **fields} if fields else {}}
    assert not is_at_rest(owner)


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"suspend": False}},
        {"metadata": {"generation": 2}},
        {"metadata": {"deletionTimestamp": "2026-01-02T00:00:00Z"}},
        {"status": {}},
        {"status": {"conditions": []}},
        {"status": {"revisions": {"serving": 1}}},
        {"status": {"observedGeneration": 0}},
    ],
    ids=str,
)
async def test_what_a_pass_would_change_is_looked_at(sim: Simulation, change: dict[str, dict[str, Any]]) -> None:
    sim.serve("first", suspend=True)
    await sim.settle()
    owner = sim.owner()
    for part, fields in change.items():
        owner = {**owner, part: {**owner[part], **fields} if fields else {}}
    assert not is_at_rest(owner)


async def test_wrong_words_in_the_status_are_put_right(sim: Simulation) -> None:
    sim.serve("first", suspend=True)
    await sim.settle()
    owner = sim.owner()
    conditions = [{**condition, "message": "somebody else's"} for condition in owner["status"]["conditions"]]
    sim.api.put({**owner, "status": {**owner["status"], "conditions": conditions}})
    assert not is_at_rest(sim.owner())
    sim.look_again()
    await sim.settle()
    assert is_at_rest(sim.owner())
