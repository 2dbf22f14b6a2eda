"""Trials of a revision in which something else happens: another edit, no pod wanted, nothing that can be followed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.operator.fake_api import Call, Trouble
from support.operator.simulation import Simulation

from localmodel import reasons
from localmodel.cluster_records import names
from localmodel.errors import UserError
from localmodel_operator.inputs import resolve

CANARY: dict[str, Any] = {
    "update": {"canary": {"steps": [{"percent": 5, "seconds": 60}], "minRequests": 10}},
    "replicas": 2,
}
RUNNING = ("False", "CanaryRunning")


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    sim = Simulation(tmp_path, monkeypatch)
    yield sim
    assert not sim.wrong()


async def tried(sim: Simulation) -> None:
    """A revision that is tried beside another one."""
    sim.serve("first", **CANARY)
    await sim.settle()
    sim.serve("second", **CANARY)
    await sim.settle()
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [5, 5], RUNNING)


def counted(sim: Simulation, failed: int) -> None:
    """What each pod has seen of its candidate: enough for the step to be over."""
    for server in sim.pods.servers.values():
        candidate = {"requests": 20, "failed": failed, "milliseconds": []}
        server.seen = {"candidate": candidate, "serving": {"requests": 100, "milliseconds": []}, "seconds": 61.0}


def told(sim: Simulation) -> list[Any]:
    """The share that each pod's candidate has."""
    return [server.told and server.told["percent"] for server in sim.pods.servers.values()]


def ready(sim: Simulation) -> tuple[str, str]:
    condition = sim.condition("Ready")
    return condition["status"], condition["reason"]


@pytest.mark.parametrize("failed", [0, 20])
async def test_an_edit_is_not_judged_by_what_was_counted_of_the_revision_before(sim: Simulation, failed: int) -> None:
    await tried(sim)
    counted(sim, failed)
    sim.serve("third", **CANARY)
    await sim.settle()
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [5, 5], RUNNING)


async def test_no_pod_has_served_what_was_not_tried_when_no_pod_is_wanted(sim: Simulation) -> None:
    await tried(sim)
    sim.answers.clear()
    sim.serve("second", **{**CANARY, "replicas": 0})
    await sim.settle()
    assert (sim.answer(), ready(sim)) == (None, RUNNING)
    assert "when a pod is wanted" in sim.condition("Ready")["message"]
    sim.serve("second", **CANARY)
    await sim.settle()
    assert (told(sim), ready(sim)) == ([5, 5], RUNNING)
    assert sim.answers == ["first", None, "first"]
    counted(sim, 0)
    sim.look_again()
    await sim.settle()
    assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving"))


async def test_a_person_promotes_while_no_pod_is_wanted(sim: Simulation) -> None:
    await tried(sim)
    sim.serve("second", **{**CANARY, "replicas": 0})
    await sim.settle()
    owner = sim.owner()
    sim.apply({**owner, "metadata": {"name": "app", "annotations": {names.PROMOTE_ANNOTATION: "2"}}})
    await sim.settle()
    assert ready(sim) == ("True", "ScaledToZero")
    sim.serve("second", **CANARY)
    await sim.settle()
    assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving"))


async def test_an_edit_that_also_takes_the_pods_away_is_served_by_none_of_them(sim: Simulation) -> None:
    sim.serve("first", **CANARY)
    await sim.settle()
    sim.answers.clear()
    sim.serve("second", **{**CANARY, "replicas": 0})
    await sim.settle()
    assert (sim.answers, ready(sim)) == (["first", None], ("True", "ScaledToZero"))


async def test_what_fails_requests_is_given_up_although_its_inputs_are_away(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise UserError(reasons.MODEL_NOT_FOUND, "somebody has deleted it")

    await tried(sim)
    with monkeypatch.context() as patched:
        patched.setattr(resolve, "files", away)
        sim.look_again()
        await sim.settle()
        assert (told(sim), ready(sim)) == ([5, 5], ("False", "ModelNotFound")), "it can be away for a moment"
        counted(sim, 20)
        await sim.settle()
        assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("False", "ModelNotFound"))
    sim.look_again()
    await sim.settle()
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("False", "CanaryFailed"))


@pytest.mark.parametrize("minutes", [-1, 1])
async def test_one_with_which_a_pod_needs_more_memory_than_it_may_is_given_up(sim: Simulation, minutes: int) -> None:
    await tried(sim)
    server = next(iter(sim.pods.servers.values()))
    server.kill_for_memory(datetime.now(UTC) + timedelta(minutes=minutes))
    sim.look_again()
    await sim.settle()
    if minutes < 0:  # before there was a trial
        assert (told(sim), ready(sim)) == ([5, 5], RUNNING)
        return
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("False", "CanaryFailed"))
    assert "was killed for lack of memory while it was tried there" in sim.condition("Ready")["message"]


async def test_suspending_ends_one_that_no_pod_has_been_told_of(sim: Simulation) -> None:
    sim.serve("first", **CANARY)
    await sim.settle()
    loaded = []

    def suspend(call: Call) -> Trouble | None:
        if str(call) != "trial pod" or loaded:
            return None
        loaded.extend(server.prepared for server in sim.pods.servers.values())
        sim.serve("second", **CANARY, suspend=True)
        return Trouble(asyncio.CancelledError(), ends=True)

    sim.trouble = suspend
    sim.serve("second", **CANARY)
    await sim.settle()
    assert all(loaded)
    assert [server.prepared for server in sim.pods.servers.values()] == [None, None]
