"""What somebody does to a child is put right, and told, also while a pass puts the same child right."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.operator.fake_api import Call, copied
from support.operator.simulation import NAMESPACE, Simulation

from localmodel.cluster_records import names
from localmodel_operator.cluster import EVENT, SERVICE


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


def service_changes(sim: Simulation) -> list[str]:
    return [event["message"] for event in sim.api.all(EVENT) if event["reason"] == "ServiceChanged"]


async def test_a_service_is_edited_in_the_pass_that_has_restored_it(sim: Simulation) -> None:
    sim.serve("one")
    await sim.settle()
    made = sim.api.all(SERVICE)[0]
    sim.api.remove(made)

    def edit(call: Call) -> None:
        there = sim.api.find(SERVICE, NAMESPACE, "app")
        if there and there["metadata"]["uid"] != made["metadata"]["uid"]:
            sim.trouble = lambda call: None
            edited = copied(there)
            edited["spec"]["selector"] = {names.DEPLOYMENT_LABEL: "nobody"}
            sim.api.put(edited)

    sim.trouble = edit
    sim.look_again()
    await sim.settle()
    assert sim.api.all(SERVICE)[0]["spec"]["selector"] == made["spec"]["selector"]
    assert service_changes(sim) == [
        "Service app: it has been deleted; the operator restores it",
        "Service app: its selector has been changed; the operator restores it",
    ]
