"""Passes that end anywhere: by a kill, an error of the API server, or the next edit. The end is always the same."""

from __future__ import annotations

import asyncio
import bisect
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.operator.fake_api import Call, Trouble
from support.operator.pass_edits import EDITS, HISTORY, Edit, serve
from support.operator.simulation import NAMESPACE, Simulation

from localmodel.cluster_records import names
from localmodel_operator.cluster import (
    AUTOSCALER,
    DEPLOYMENT,
    INGRESS,
    LMD,
    POD,
    REVISION,
    SERVICE,
    RefusedError,
    UnreachableError,
)


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


def end(sim: Simulation) -> Any:
    """Everything that tells one end from another."""
    owner = sim.api.find(LMD, NAMESPACE, "app")
    if owner is None:
        return sorted(name for kind, _, name in sim.api.objects if kind not in ("Event", "Namespace"))
    status, decided = owner["status"], sim.decided()
    (deployment,), (service,) = sim.api.all(DEPLOYMENT), sim.api.all(SERVICE)
    assert decided
    servers = list(sim.pods.servers.values())
    assert {server.serves.epoch for server in servers} <= {decided.epoch}
    return {
        "conditions": [
            (each["type"], each["status"], each["reason"], each["message"]) for each in status["conditions"]
        ],
        "status": {name: status.get(name) for name in ("observedGeneration", "replicas", "url", "revisions", "models")},
        "image": status["image"] == deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        "decided": (decided.revision, decided.committed, decided.good, decided.before, decided.served, decided.pin),
        "deployment": {**deployment["spec"], "template": deployment["spec"]["template"]["metadata"]},
        "service": (service["spec"], service["metadata"].get("annotations")),
        "optional": sorted(kind for kind, _, _ in sim.api.objects if kind in (AUTOSCALER.name, INGRESS.name)),
        "revisions": [
            (each["revision"], names.FAILED_ANNOTATION in each["metadata"]["annotations"])
            for each in sim.api.all(REVISION)
        ],
        "pods": sorted(each["metadata"]["labels"][names.REVISION_LABEL] for each in sim.api.all(POD)),
        "serve": sorted(server.serves.revision for server in servers),
    }


@dataclass(frozen=True)
class Whole:
    """An edit without an interruption: what was there before, all that was asked for, the end, and the answers."""

    before: bytes
    edit: Edit
    calls: list[str]
    written: list[int]
    end: Any
    answers: list[Any]


async def whole(sim: Simulation, name: str) -> Whole:
    history, edit = EDITS[name]
    for each in HISTORY if history is None else history:
        each(sim)
        await sim.settle()
    before = sim.saved()
    sim.back_to(before)
    edit(sim)
    await sim.settle()
    assert not sim.wrong()
    return Whole(before, edit, [*map(str, sim.calls)], list(sim.written), end(sim), list(sim.answers))


async def check(sim: Simulation, of: Whole, number: int, trouble: Trouble) -> None:
    """With this trouble at the call with this number it ends as without it, and nobody has noticed."""
    counted = itertools.count()
    sim.back_to(of.before)
    sim.trouble = lambda call: trouble if next(counted) == number else None
    of.edit(sim)
    await sim.settle()
    where = f"{trouble} at call {number}: {of.calls[number]}"
    assert [*map(str, sim.calls[: number + 1])] == of.calls[: number + 1], where
    assert end(sim) == of.end, where
    assert sim.answers == of.answers, where
    assert not sim.wrong(), where


@pytest.mark.parametrize("name", [name for name in EDITS if name not in ("swap", "swap that fails")])
async def test_an_operator_that_is_killed_is_followed_by_one_that_ends_the_work(sim: Simulation, name: str) -> None:
    """Right behind each call that changes something: between two of them there is nothing to lose."""
    of = await whole(sim, name)
    for number in of.written:
        await check(sim, of, number, Trouble(asyncio.CancelledError(), done=True, ends=True))


AWAY, SLOW = UnreachableError("500 etcdserver: leader changed"), UnreachableError("TimeoutError: ")
CHANGED = RefusedError(409, "the object has been modified; please apply your changes to the latest version")


@pytest.mark.parametrize("name", ["first", "swap", "swap that fails", "roll", "delete"])
async def test_an_error_of_the_api_server_is_over_with_the_next_pass(sim: Simulation, name: str) -> None:
    """At each call; one that comes again before anything has changed is the same."""
    of, seen = await whole(sim, name), set()
    for number, call in enumerate(of.calls):
        if (place := (call, bisect.bisect_left(of.written, number))) in seen:
            continue
        seen.add(place)
        await check(sim, of, number, Trouble(AWAY))
        if number in of.written:
            await check(sim, of, number, Trouble(SLOW, done=True))
        if number in of.written and not call.endswith(" pod"):
            await check(sim, of, number, Trouble(CHANGED))


NEXT: dict[str, Edit] = {"another": serve("D", replicas=2), "back": serve("B"), "delete": lambda sim: sim.delete("app")}


@pytest.mark.parametrize(
    ("name", "following"),
    [*((name, "another") for name in ("first", "swap", "roll", "recreate")), ("swap", "back"), ("first", "delete")],
)
async def test_an_edit_that_comes_in_the_middle_of_another_wins(sim: Simulation, name: str, following: str) -> None:
    of = await whole(sim, name)
    for number in of.written:
        counted = itertools.count()

        def overtake(call: Call, counted: Iterator[int] = counted, number: int = number) -> None:
            if next(counted) == number:
                NEXT[following](sim)
                sim.overtake()

        sim.back_to(of.before)
        sim.trouble = overtake
        of.edit(sim)
        await sim.settle()
        where = f"overtaken at call {number}: {of.calls[number]}"
        assert not sim.wrong(), where
        if following == "delete":
            assert end(sim) == [], where
            continue
        newest, decided = max(sim.numbers()), sim.decided()
        assert sim.owner()["status"]["revisions"] == {"wanted": newest, "serving": newest, "durable": newest}, where
        assert sim.condition("Ready")["reason"] == "Serving", where
        assert (sim.answer(), decided and decided.revision) == ("D" if following == "another" else "B", newest), where


async def test_only_the_last_of_many_edits_counts(sim: Simulation) -> None:
    """Each comes while a pass is at work on the one before."""
    of, edits = await whole(sim, "swap"), iter(range(10))

    def overtake(call: Call) -> None:
        if call.changes and (number := next(edits, None)) is not None:
            sim.serve(f"edit {number}")
            sim.overtake()

    sim.back_to(of.before)
    sim.trouble = overtake
    of.edit(sim)
    await sim.settle()
    assert (sim.answer(), sim.condition("Ready")["reason"]) == ("edit 9", "Serving")
    assert not sim.wrong()
