"""Passes over a resource whose environment is in a file of its source: an edit of the file is an edit."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import given
from support.operator.simulation import PORT, Simulation


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def serve(sim: Simulation, answer: str, file: str, content: str) -> None:
    sim.apply(given.config_map("files", {"score.py": given.script(answer), file: content}))
    source = given.from_config_map("files")
    sim.apply(given.lmd("app", PORT, source, environment={"file": "environment.yml"}))
    await sim.settle()


async def test_the_environment_is_the_file_s_and_follows_it(sim: Simulation) -> None:
    await serve(sim, "first", "environment.yml", "dependencies: [python=3.12]\n")
    first = sim.owner()["status"]["environment"]
    assert sim.condition("Ready")["status"] == "True" and sim.answer() == "first"
    await serve(sim, "second", "environment.yml", "dependencies: [python=3.12]\n")
    assert sim.owner()["status"]["environment"] == first and sim.answer() == "second"
    await serve(sim, "third", "environment.yml", "dependencies: [python=3.13]\n")
    assert sim.owner()["status"]["environment"] != first and sim.answer() == "third" and not sim.wrong()


async def test_what_is_wrong_with_it_is_told_while_the_old_revision_serves(sim: Simulation) -> None:
    await serve(sim, "first", "environment.yml", "dependencies: [python=3.12]\n")
    for file, content, words in (
        ("requirements.txt", "", "spec.environment.file: the source has no environment.yml (found: requirements.txt)"),
        ("environment.yml", "dependencies: [python=2.7]\n", "environment.yml:1: "),
        ("environment.yml", "dependencies: [{pip: [-r /etc/passwd]}]\n", "/etc/passwd is not a file of the source"),
    ):
        await serve(sim, "edited", file, content)
        stalled = sim.condition("Stalled")
        assert words in stalled["message"] and stalled["reason"] == "EnvironmentInvalid"
        assert sim.condition("EnvironmentBuilt")["status"] == "False" and sim.answer() == "first"
    await serve(sim, "mended", "environment.yml", "dependencies: [python=3.12]\n")
    assert sim.answer() == "mended" and not sim.condition("Stalled") and not sim.wrong()
