"""Passes over a resource without a script, whose script is generated from its model."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import given
from support.operator.simulation import PORT, Simulation

from localmodel import no_code, reasons
from localmodel.errors import UserError
from localmodel.no_code import Scoring
from localmodel.resource.spec import EnvironmentSpec


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    """A store with versions of the model `word`: its first line is the answer, the second one the Python it needs."""

    def scoring(path: Path, name: str) -> Scoring:
        answer, _, python = path.read_text().partition("\n")
        if not python:
            raise UserError(reasons.ENTRY_SCRIPT_MISSING, f"{path.name}: write a script for it")
        return Scoring(
            "words", "score.py", {"score.py": given.script(answer).encode()}, EnvironmentSpec(python), b"[]", ()
        )

    monkeypatch.setattr(no_code, "scoring", scoring)
    sim = Simulation(tmp_path, monkeypatch)
    for text in ("first\n3.11", "second\n3.11", "third\n3.12", "no python"):
        (tmp_path / "word.txt").write_text(text)
        sim.store.models.register("word", tmp_path / "word.txt")
    return sim


async def serve(sim: Simulation, version: int) -> None:
    manifest = given.lmd("app", PORT, {}, models=[{"name": "word", "version": version}])
    del manifest["spec"]["scoring"]
    sim.apply(manifest)
    await sim.settle()


async def test_the_model_alone_serves_and_the_status_says_how(sim: Simulation) -> None:
    await serve(sim, 1)
    assert sim.answer() == "first" and sim.condition("Ready")["status"] == "True"
    assert sim.owner()["status"]["scoring"] == "generated for words"
    assert sim.condition("GatePassed")["status"] == "True" and not sim.wrong()


async def test_another_version_is_a_swap_unless_its_environment_differs(sim: Simulation) -> None:
    await serve(sim, 1)
    await serve(sim, 2)
    assert sim.answers == [None, "first", "second"]
    assert [str(call) for call in sim.calls if "prepare" in str(call)]  # in the running pod
    environment = sim.owner()["status"]["environment"]
    await serve(sim, 3)
    assert sim.answers[-1] == "third" and sim.owner()["status"]["environment"] != environment and not sim.wrong()


async def test_a_model_that_needs_a_script_is_told_while_the_one_before_serves(sim: Simulation) -> None:
    await serve(sim, 1)
    await serve(sim, 4)
    stalled = sim.condition("Stalled")
    assert stalled["reason"] == "EntryScriptMissing" and "spec.models[0]: word.txt: write a" in stalled["message"]
    assert sim.answer() == "first" and sim.owner()["status"]["scoring"] == "generated for words"


async def test_a_script_of_its_own_takes_its_place(sim: Simulation) -> None:
    await serve(sim, 1)
    sim.serve("own")
    await sim.settle()
    assert sim.answer() == "own" and "scoring" not in sim.owner()["status"]
