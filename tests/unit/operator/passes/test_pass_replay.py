"""What passes report of captured requests that a new revision was asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.operator.simulation import Simulation

from localmodel_untrusted.replayed import Replayed

REPLAY: dict[str, Any] = {
    "capture": {"percent": 100},
    "update": {"replay": {"minRequests": 2}},
    "replicas": 2,
}


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def edited(sim: Simulation, *captured: Replayed) -> None:
    """An edit, in pods of which each has captured requests."""
    sim.serve("first", **REPLAY)
    await sim.settle()
    for server, result in zip(sim.pods.servers.values(), captured, strict=True):
        server.captured = result
    sim.serve("second", **REPLAY)
    await sim.settle()


def replayed(sim: Simulation) -> tuple[str, str, str]:
    condition = sim.condition("Replayed")
    return condition["status"], condition["reason"], condition["message"]


async def test_what_all_pods_say_is_reported_and_stays_when_new_pods_have_followed(sim: Simulation) -> None:
    await edited(sim, Replayed(2, 5, 0, {}, ("$.at",), {}), Replayed(2, 3, 0, {}, (), {"the client had left": 1}))
    assert sim.answer() == "second" and sim.condition("Durable")["status"] == "True"
    assert not any(server.replayed for server in sim.pods.servers.values()), "those that were asked are gone"
    assert replayed(sim) == (
        "True",
        "AnsweredAsBefore",
        "0 of 8 answers to captured requests change; not compared, because what served differs from itself there: "
        "$.at; 1 not compared: the client had left",
    )
    assert not sim.wrong()


async def test_a_revision_that_answers_otherwise_in_one_pod_is_given_up(sim: Simulation) -> None:
    await edited(sim, Replayed(2, 5, 0, {}, (), {}), Replayed(2, 5, 4, {"$.score": 4}, (), {}))
    assert sim.answer() == "first"
    ready = sim.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ReplayFailed")
    assert "4 of 5 answers to captured requests change: $.score in 4 (revision 1 goes on serving)" in ready["message"]
    assert replayed(sim)[:2] == ("False", "ReplayFailed") and sim.condition("Stalled")["status"] == "True"
    assert not sim.wrong()

    sim.serve("first", **REPLAY)
    await sim.settle()
    assert sim.answer() == "first" and sim.condition("Ready")["status"] == "True" and not sim.wrong()


async def test_too_few_captured_requests_are_said(sim: Simulation) -> None:
    await edited(sim, Replayed(2, 1, 1, {"$": 1}, (), {}), Replayed(2, 0, 0, {}, (), {}))
    assert sim.answer() == "second" and sim.condition("Ready")["status"] == "True"
    assert replayed(sim)[:2] == ("False", "TooFewCaptured") and "minRequests is 2" in replayed(sim)[2]
    assert not sim.wrong()


async def test_new_pods_have_nothing_to_compare_with_and_an_edit_may_end_it(sim: Simulation) -> None:
    sim.serve("first", **REPLAY)
    await sim.settle()
    assert replayed(sim)[:2] == ("False", "NotReplayed")
    sim.serve("second", replicas=2)
    await sim.settle()
    assert replayed(sim)[:2] == ("True", "NotAsked") and not sim.wrong()


def rolled(replicas: int = 1) -> dict[str, Any]:
    return {**REPLAY, "replicas": replicas, "update": {**REPLAY["update"], "strategy": "Roll"}}


async def rolled_edit(sim: Simulation, *captured: Replayed | None) -> None:
    """An edit for which pods are replaced, each of which has captured requests."""
    sim.serve("first", **rolled(len(captured)))
    await sim.settle()
    for server, result in zip(sim.pods.servers.values(), captured, strict=True):
        server.captured = result
    sim.serve("second", **rolled(len(captured)))
    await sim.settle()


@pytest.mark.parametrize(
    "captured",
    [
        [Replayed(2, 5, 0, {}, (), {})],
        [Replayed(2, 0, 0, {}, (), {}), Replayed(2, 5, 0, {}, (), {})],
        [Replayed(2, 5, 0, {}, (), {}), None],
    ],
)
async def test_new_pods_answer_what_those_before_were_asked_before_they_serve(
    sim: Simulation, captured: list[Replayed | None]
) -> None:
    await rolled_edit(sim, *captured)
    assert sim.answer() == "second" and sim.condition("Durable")["status"] == "True" and not sim.wrong()
    assert replayed(sim) == ("True", "AnsweredAsBefore", "0 of 5 answers to captured requests change")
    calls = [str(call) for call in sim.calls]
    assert calls.index("replay pod") < calls.index("commit pod")


async def test_a_roll_whose_answers_change_ends_before_a_client_has_one(sim: Simulation) -> None:
    await rolled_edit(sim, Replayed(2, 5, 4, {"$.score": 4}, (), {}))
    ready = sim.condition("Ready")
    assert (sim.answer(), ready["status"], ready["reason"]) == ("first", "False", "ReplayFailed")
    assert "4 of 5 answers to captured requests change: $.score in 4 (revision 1 goes on serving)" in ready["message"]
    assert replayed(sim)[:2] == ("False", "ReplayFailed") and sim.condition("Durable")["status"] == "True"
    calls = [str(call) for call in sim.calls]
    assert "commit pod" not in calls[: calls.index("replace ControllerRevision app-r2")], "it was never let serve"
    assert not sim.wrong()


async def test_a_roll_with_nothing_captured_is_said_and_serves(sim: Simulation) -> None:
    await rolled_edit(sim, None)
    assert sim.answer() == "second" and replayed(sim)[:2] == ("False", "NotReplayed") and not sim.wrong()
