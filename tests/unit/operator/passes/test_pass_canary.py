"""Passes that try a new revision on clients' requests beside the one that serves."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.operator.fake_api import Call, Trouble
from support.operator.simulation import Simulation

from localmodel.cluster_records import names, revisions
from localmodel_operator.cluster import DEPLOYMENT, POD, REVISION

STEPS = [{"percent": 5, "seconds": 60}, {"percent": 50, "seconds": 60}]
CANARY: dict[str, Any] = {"update": {"canary": {"steps": STEPS, "minRequests": 10}}, "replicas": 2}
MANUAL: dict[str, Any] = {
    "update": {"canary": {"steps": [STEPS[0]], "minRequests": 10, "promote": "Manual"}},
    "replicas": 2,
}
SHADOW: dict[str, Any] = {"update": {"shadow": {"percent": 10, "seconds": 60, "minRequests": 10}}, "replicas": 2}


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    sim = Simulation(tmp_path, monkeypatch)
    yield sim
    assert not sim.wrong()


async def tried(sim: Simulation, fields: dict[str, Any] = CANARY) -> None:
    """A revision that is tried beside another one."""
    sim.serve("first", **fields)
    await sim.settle()
    assert sim.condition("Ready")["status"] == "True", "there was nothing to try the first one beside"
    sim.serve("second", **fields)
    await sim.settle()


def counted(sim: Simulation, requests: int, failed: int = 0, **others: Any) -> None:
    """What each pod has seen of its candidate."""
    times = [[10.0, requests]]
    candidate = {"requests": requests, "failed": failed, "milliseconds": times}
    serving = {"requests": 100, "milliseconds": [[10.0, 100]]}
    for server in sim.pods.servers.values():
        server.seen = {"candidate": candidate, "serving": serving, **others}


async def later(sim: Simulation, seconds: float = 61.0) -> None:
    for server in sim.pods.servers.values():
        server.seen = {**server.seen, "seconds": server.seen.get("seconds", 0.0) + seconds}
    sim.look_again()
    await sim.settle()


def told(sim: Simulation) -> list[Any]:
    """The share that each pod's candidate has."""
    return [server.told and server.told["percent"] for server in sim.pods.servers.values()]


def ready(sim: Simulation) -> tuple[str, str]:
    condition = sim.condition("Ready")
    return condition["status"], condition["reason"]


def trials_failed(sim: Simulation) -> dict[int, str]:
    """Why a revision's trial has failed, by number, as its record says."""
    records = sim.api.all(REVISION)
    return {record["revision"]: revisions.trial_failure(record) for record in records}


async def annotate(sim: Simulation, annotation: str, value: str) -> None:
    owner = sim.owner()
    annotations = {**owner["metadata"].get("annotations", {}), annotation: value}
    sim.apply({**owner, "metadata": {"name": "app", "annotations": annotations}})
    await sim.settle()


async def test_it_goes_from_step_to_step_and_then_serves(sim: Simulation) -> None:
    await tried(sim)
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [5, 5], ("False", "CanaryRunning"))
    assert sim.condition("Reconciling")["status"] == "True"
    assert sim.owner()["status"]["revisions"] == {"wanted": 2, "serving": 1, "durable": 1}
    counted(sim, 5)
    await later(sim, 30.0)
    assert told(sim) == [5, 5], "it has not lasted long enough"
    await later(sim, 31.0)
    assert told(sim) == [50, 50]
    status = sim.owner()["status"]["canary"]
    assert status == {"revision": 2, "role": "canary", "percent": 50, "step": 2, "requests": 0, "errors": 0}
    counted(sim, 5)
    await later(sim)
    assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving"))
    assert "canary" not in sim.owner()["status"] and sim.condition("Durable")["status"] == "True"
    assert sim.answers == [None, "first", ["first", "second"], "second"]


async def test_too_few_requests_are_never_a_promotion(sim: Simulation) -> None:
    await tried(sim)
    counted(sim, 4)
    await later(sim, 1e6)
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [5, 5], ("False", "CanaryRunning"))
    assert "it goes on when it has answered 10" in sim.condition("Ready")["message"]
    assert sim.owner()["status"]["canary"]["requests"] == 8


async def test_counts_are_told_to_two_digits_so_that_telling_them_does_not_keep_the_operator_busy(
    sim: Simulation,
) -> None:
    await tried(sim)
    written = []
    for requests in range(600, 640):
        counted(sim, requests)
        await later(sim, 0.1)
        written.append(sim.owner()["status"]["canary"]["requests"])
    assert written == [1200] * 40


@pytest.mark.parametrize(
    ("fields", "seen", "word"),
    [
        (CANARY, {"requests": 20, "failed": 1}, "2 of 40 answers failed"),
        (SHADOW, {"requests": 20, "copies": {"same": 19, "changed": 1}}, "2 of 40 answers differ"),
    ],
)
async def test_one_that_is_worse_is_given_up_and_tried_again_only_when_something_is_edited(
    sim: Simulation, fields: dict[str, Any], seen: dict[str, Any], word: str
) -> None:
    await tried(sim, fields)
    counted(sim, **seen)
    await later(sim, 5.0)
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("False", "CanaryFailed"))
    message = sim.condition("Stalled")["message"]
    assert word in message and "revision 1 goes on serving" in message
    assert all(server.prepared is None for server in sim.pods.servers.values())
    await later(sim)
    assert (told(sim), ready(sim)) == ([None, None], ("False", "CanaryFailed"))
    assert word in trials_failed(sim)[2] and trials_failed(sim)[2].startswith("CanaryFailed: revision 2: ")

    ((kind, field),) = fields["update"].items()
    sim.serve("second", update={kind: {**field, "fail": {"errorRatio": "0.5"}}}, replicas=2)
    await sim.settle()
    assert told(sim) == [field.get("percent", 5)] * 2, "what is asked of it has changed"
    sim.serve("first", **fields)
    await sim.settle()
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("True", "Serving"))


async def test_one_that_passes_when_it_is_tried_again_is_marked_no_more(sim: Simulation) -> None:
    await tried(sim, MANUAL)
    counted(sim, 20, 1)
    await later(sim, 5.0)
    assert trials_failed(sim)[2]
    counted(sim, 0)
    edited = {**MANUAL["update"]["canary"], "fail": {"errorRatio": "0.5"}}
    sim.serve("second", update={"canary": edited}, replicas=2)
    await sim.settle()
    await annotate(sim, names.PROMOTE_ANNOTATION, "2")
    assert (sim.answer(), ready(sim), trials_failed(sim)) == ("second", ("True", "Serving"), {1: "", 2: ""})


async def test_a_shadow_comes_before_a_canary(sim: Simulation) -> None:
    both = {"update": {**SHADOW["update"], **CANARY["update"]}, "replicas": 2}
    await tried(sim, both)
    assert [server.told and server.told["role"] for server in sim.pods.servers.values()] == ["shadow", "shadow"]
    assert sim.owner()["status"]["canary"]["changed"] == 0
    counted(sim, 10, copies={"same": 10, "changed": 0})
    await later(sim)
    assert told(sim) == [5, 5] and sim.owner()["status"]["canary"]["step"] == 2


async def test_a_person_promotes(sim: Simulation) -> None:
    await tried(sim, MANUAL)
    counted(sim, 10)
    await later(sim)
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [5, 5], ("False", "AwaitingPromotion"))
    await later(sim, 1e6)
    assert ready(sim) == ("False", "AwaitingPromotion")
    for value in ("1", "2 generation=1", "all", ""):
        await annotate(sim, names.PROMOTE_ANNOTATION, value)
        assert sim.answer() == "first", value
    await annotate(sim, names.PROMOTE_ANNOTATION, f"2 generation={sim.owner()['metadata']['generation']}")
    assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving"))


async def test_an_edit_of_promote_is_a_promotion(sim: Simulation) -> None:
    await tried(sim, MANUAL)
    counted(sim, 10)
    await later(sim)
    sim.serve("second", update={"canary": {**MANUAL["update"]["canary"], "promote": "Auto"}}, replicas=2)
    await sim.settle()
    assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving"))


async def test_a_person_aborts(sim: Simulation) -> None:
    await tried(sim)
    await annotate(sim, names.ABORT_ANNOTATION, "2")
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("False", "CanaryAborted"))
    assert trials_failed(sim) == {1: "", 2: f"CanaryAborted: revision 2 was given up, as {names.ABORT_ANNOTATION} asks"}
    sim.serve("third", **CANARY)
    await sim.settle()
    assert (sim.answer(), told(sim)) == ("first", [5, 5]), "the annotation names another one"


async def test_without_the_field_it_serves_at_once(sim: Simulation) -> None:
    await tried(sim)
    sim.serve("second", replicas=2)
    await sim.settle()
    assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving"))


async def test_another_edit_and_one_that_cannot_be_followed_end_it(sim: Simulation) -> None:
    await tried(sim)
    sim.serve("third", **CANARY, models=[{"name": "nowhere", "version": 1}])
    await sim.settle()
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("False", "ModelNotFound"))
    sim.serve("third", **CANARY)
    await sim.settle()
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [5, 5], ("False", "CanaryRunning"))
    sim.serve("third", **CANARY, suspend=True)
    await sim.settle()
    assert (told(sim), ready(sim)) == ([None, None], ("False", "Suspended"))
    sim.serve("third", **CANARY)
    await sim.settle()
    assert told(sim) == [5, 5]


async def test_a_pod_that_starts_in_the_middle_gets_the_share_of_the_others(sim: Simulation) -> None:
    await tried(sim)
    counted(sim, 5)
    await later(sim)
    sim.api.remove(sim.api.all(POD)[0])
    await sim.settle()
    assert (told(sim), sim.answer()) == ([50, 50], "first")
    sim.serve("second", **{**CANARY, "replicas": 3})
    await sim.settle()
    assert (told(sim), sim.answer()) == ([50, 50, 50], "first")
    sim.serve("second", **{**CANARY, "replicas": 3}, resources={"limits": {"memory": "1Gi"}})
    await sim.settle()
    assert (told(sim), sim.answer()) == ([5, 5, 5], "first"), "there may be room now where there was none"


async def test_a_pod_that_is_not_ready_keeps_nobody_from_looking_at_the_figures(sim: Simulation) -> None:
    await tried(sim)
    pod = sim.api.all(POD)[0]
    sim.pods.servers[pod["metadata"]["uid"]].answer = None
    sim.api.put({**pod, "status": {**pod["status"], "conditions": [{"type": "Ready", "status": "False"}]}})
    counted(sim, 4)
    await later(sim, 1.0)
    assert sim.owner()["status"]["canary"]["requests"] == 8
    for server in sim.pods.servers.values():
        server.seen = {**server.seen, "candidate": {"requests": 20, "failed": 5, "milliseconds": []}}
    await sim.settle()
    assert (told(sim), ready(sim)) == ([None, None], ("False", "CanaryFailed"))


async def test_somebody_deletes_the_deployment_in_the_middle(sim: Simulation) -> None:
    await tried(sim)
    sim.api.remove(sim.api.all(DEPLOYMENT)[0])
    await sim.settle()
    await later(sim, 1.0)
    assert (told(sim), sim.answer(), ready(sim)) == ([5, 5], "first", ("False", "CanaryRunning"))


async def test_one_that_is_being_deleted_and_held_by_a_finalizer_is_not_tried_any_more(sim: Simulation) -> None:
    await tried(sim)
    owner = sim.owner()
    ending = {"deletionTimestamp": "2026-01-02T00:00:00Z", "finalizers": ["team.example/kept"]}
    sim.api.put({**owner, "metadata": {**owner["metadata"], **ending}})
    sim.look_again()
    await sim.settle()
    assert (sim.answer(), told(sim), ready(sim)) == ("first", [None, None], ("False", "Deleting"))
    assert "canary" not in sim.owner()["status"]


async def test_what_needs_new_pods_is_refused_and_told(sim: Simulation) -> None:
    sim.serve("first", **CANARY)
    await sim.settle()
    sim.serve("second", **CANARY, environment={"python": "3.12"})
    await sim.settle()
    assert (sim.answer(), ready(sim)) == ("first", ("False", "NoRoomForCanary"))
    assert "the environment has changed; take them out of the manifest" in sim.condition("Ready")["message"]
    sim.serve("second", replicas=2, environment={"python": "3.12"})
    await sim.settle()
    assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving"))


async def test_a_rollback_is_not_tried(sim: Simulation) -> None:
    await tried(sim)
    sim.serve("second", replicas=2)
    await sim.settle()
    sim.serve("second", **CANARY)
    await sim.settle()
    assert ready(sim) == ("True", "Serving")
    await annotate(sim, names.SERVE_ANNOTATION, "1")
    assert (sim.answer(), ready(sim)) == ("first", ("True", "ServingAsked"))


async def test_an_operator_that_is_killed_is_followed_by_one_that_goes_on(sim: Simulation) -> None:
    """Right behind each call that changes something."""
    one = {**CANARY, "replicas": 1}
    sim.serve("first", **one)
    await sim.settle()
    before = sim.saved()

    async def whole() -> None:
        sim.serve("second", **one)
        await sim.settle()
        assert told(sim) == [5]
        for _ in range(2):
            counted(sim, 10)
            await later(sim)

    sim.back_to(before)
    await whole()
    assert sim.answer() == "second"
    for number in list(sim.written):
        sim.back_to(before)
        counts = itertools.count()

        def kill(call: Call, counts: Iterator[int] = counts, number: int = number) -> Trouble | None:
            is_now = next(counts) == number
            return Trouble(asyncio.CancelledError(), done=True, ends=True) if is_now else None

        sim.trouble = kill
        await whole()
        assert (sim.answer(), ready(sim)) == ("second", ("True", "Serving")), number
        assert sim.answers == ["first", "second"], number
        assert not sim.wrong(), number
