"""At the address, a revision is asked often until it is reported ready, then once: a roll has many passes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.operator.simulation import Simulation

from localmodel_operator.pods.address import CONNECTIONS


async def test_who_answers_is_asked_often_until_that_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = Simulation(tmp_path, monkeypatch)
    for answer in ("one", "two"):
        sim.connections.clear()
        sim.serve(answer)
        await sim.settle()
        assert sim.answer() == answer and sim.condition("Durable")["status"] == "True" and not sim.wrong()
        first, *others = sim.connections
        assert first == CONNECTIONS > 1
    assert others.count(1) > 1, "pods of the second have rolled"
    assert sim.connections == sorted(sim.connections, reverse=True), "never often again"
