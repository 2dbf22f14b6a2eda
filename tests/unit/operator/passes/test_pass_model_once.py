"""A model that a swap has brought into a pod is not sent to the pod's node once more, as a layer."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.operator.simulation import Simulation

from localmodel.updates.held import Held


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def edit(sim: Simulation, answer: str, version: int) -> list[Held]:
    """Serve with this version of the model; return what nodes needed not be sent for it."""
    sim.held.clear()
    sim.serve(answer, models=[{"name": "words", "version": version}])
    await sim.settle()
    assert sim.answer() == answer and sim.condition("Durable")["status"] == "True" and not sim.wrong()
    return [held for by_node in sim.held for held in by_node.values()]


async def test_a_model_goes_to_a_node_once(sim: Simulation, tmp_path: Path) -> None:
    digests = []
    for content in ("first", "second"):
        (tmp_path / "words.txt").write_text(content)
        digests.append(sim.store.models.register("words", tmp_path / "words.txt").digest.removeprefix("sha256:"))
    assert await edit(sim, "one", 1) == [], "no pod has anything"
    (held,) = await edit(sim, "one", 2)
    assert held.places == {"var/azureml-app/azureml-models/words/2/": f"models/{digests[1]}/"}
    assert held.folder.endswith("/volumes/kubernetes.io~empty-dir/state")
    assert await edit(sim, "two", 2) == [], "the pods that have replaced those have it in their image"
