"""An image is sent to nodes while pods load the revision; one with a model that nodes take from a pod, afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.operator.fake_api import Call
from support.operator.simulation import Simulation

from localmodel_operator.cluster import REVISION


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def is_there_at_the_commit(sim: Simulation, answer: str, version: int) -> bool:
    """Whether nodes have the image of this edit when a pod is told to serve it."""
    seen: list[bool] = []

    def look(call: Call) -> None:
        if str(call) == "commit pod":
            newest = max(sim.api.all(REVISION), key=lambda record: record["revision"])
            seen.append(newest["data"]["image"] in sim.pods.images)

    sim.trouble = look
    sim.serve(answer, models=[{"name": "words", "version": version}])
    await sim.settle()
    assert sim.answer() == answer and sim.condition("Durable")["status"] == "True" and not sim.wrong()
    (is_there,) = seen
    return is_there


async def test_nodes_get_an_image_while_pods_load_the_revision(sim: Simulation, tmp_path: Path) -> None:
    for content in ("first", "second"):
        (tmp_path / "words.txt").write_text(content)
        sim.store.models.register("words", tmp_path / "words.txt")
    sim.serve("one", models=[{"name": "words", "version": 1}])
    await sim.settle()
    assert await is_there_at_the_commit(sim, "two", 1)
    assert not await is_there_at_the_commit(sim, "two, too", 2), "nodes take the model from the pod"
