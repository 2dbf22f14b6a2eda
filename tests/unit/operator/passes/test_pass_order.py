"""What a pass writes, and in which order: from an edit on until nothing changes any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.operator.pass_edits import EDITS, HISTORY
from support.operator.simulation import Simulation

# What nothing serves without is written before it, a revision's record first; what is said, after it was so.
ORDER = {
    "first": """
        status Progressing
        status BuildingEnvironment
        event BuildingEnvironment
        create ControllerRevision app-r1
        create ConfigMap app-wanted (revision 1)
        apply Service app
        apply Deployment app
        status RollingOut
        event RollingOut
        status RollingOut
        status RollingOut
        replace ConfigMap app-wanted (revision 1, committed)
        status Serving, durable
        event Serving
    """,
    "swap": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status Updating, durable
        event Updating
        prepare pod
        commit pod
        replace ConfigMap app-wanted (revision 3, committed)
        status Updating
        apply Deployment app
        status Serving
        event Serving
        status Serving
        status Serving, durable
    """,
    "swap of two pods": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status Updating, durable
        event Updating
        prepare pod
        prepare pod
        commit pod
        commit pod
        replace ConfigMap app-wanted (revision 3, committed)
        status Updating
        apply Deployment app
        status Serving
        event Serving
        status Serving
        status Serving, durable
    """,
    "swap that fails": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status Updating, durable
        event Updating
        prepare pod
        abort pod
        replace ControllerRevision app-r3
        status RollingBack, durable
        event RollingBack
        replace ConfigMap app-wanted (revision 2)
        status Updating, durable
        event Updating
        prepare pod
        commit pod
        replace ConfigMap app-wanted (revision 2, committed)
        status InitFailed, durable
        event InitFailed
    """,
    "swap of two pods that fails": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status Updating, durable
        event Updating
        prepare pod
        prepare pod
        abort pod
        abort pod
        replace ControllerRevision app-r3
        status RollingBack, durable
        event RollingBack
        replace ConfigMap app-wanted (revision 2)
        status Updating, durable
        event Updating
        prepare pod
        prepare pod
        commit pod
        commit pod
        replace ConfigMap app-wanted (revision 2, committed)
        status InitFailed, durable
        event InitFailed
    """,
    "roll": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status RollingOut
        event RollingOut
        apply Deployment app
        status RollingOut
        status RollingOut
        replace ConfigMap app-wanted (revision 3, committed)
        status Serving, durable
        event Serving
    """,
    "roll that fails": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status RollingOut
        event RollingOut
        apply Deployment app
        status RollingOut
        replace ControllerRevision app-r3
        status RollingBack
        event RollingBack
        replace ConfigMap app-wanted (revision 2)
        status Updating
        event Updating
        prepare pod
        commit pod
        replace ConfigMap app-wanted (revision 2, committed)
        apply Deployment app
        status RollingOut
        event RollingOut
        status InitFailed, durable
        event InitFailed
    """,
    "roll that is asked first": """
        status Progressing, durable
        create ControllerRevision app-r2
        replace ConfigMap app-wanted (revision 2)
        status RollingOut
        event RollingOut
        apply Deployment app
        status RollingOut
        status Updating
        event Updating
        replay pod
        replace ConfigMap app-wanted (revision 2)
        commit pod
        status RollingOut
        event RollingOut
        status RollingOut
        replace ConfigMap app-wanted (revision 2, committed)
        status Serving, durable
        event Serving
    """,
    "roll that answers otherwise": """
        status Progressing, durable
        create ControllerRevision app-r2
        replace ConfigMap app-wanted (revision 2)
        status RollingOut
        event RollingOut
        apply Deployment app
        status RollingOut
        status Updating
        event Updating
        replay pod
        replace ControllerRevision app-r2
        status RollingBack
        event RollingBack
        replace ConfigMap app-wanted (revision 1)
        status Updating
        event Updating
        prepare pod
        commit pod
        replace ConfigMap app-wanted (revision 1, committed)
        apply Deployment app
        status RollingOut
        event RollingOut
        status ReplayFailed, durable
        event ReplayFailed
    """,
    "recreate": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status RollingOut
        event RollingOut
        apply Deployment app
        status RollingOut
        status RollingOut
        status RollingOut
        replace ConfigMap app-wanted (revision 3, committed)
        status Serving, durable
        event Serving
    """,
    "recreate that fails": """
        status Progressing, durable
        create ControllerRevision app-r3
        replace ConfigMap app-wanted (revision 3)
        status RollingOut
        event RollingOut
        apply Deployment app
        status RollingOut
        status RollingOut
        replace ControllerRevision app-r3
        status RollingBack
        event RollingBack
        replace ConfigMap app-wanted (revision 2)
        apply Deployment app
        status RollingOut
        event RollingOut
        status RollingOut
        status Updating
        event Updating
        prepare pod
        commit pod
        replace ConfigMap app-wanted (revision 2, committed)
        status InitFailed, durable
        event InitFailed
    """,
    "rollback": """
        replace ConfigMap app-wanted (revision 1)
        status Updating, durable
        event Updating
        prepare pod
        prepare pod
        commit pod
        commit pod
        replace ConfigMap app-wanted (revision 1, committed)
        status Updating
        apply Deployment app
        status ServingAsked
        event ServingAsked
        status ServingAsked
        status ServingAsked, durable
    """,
    "scale to 0": """
        status Progressing, durable
        apply Deployment app
        status RollingOut
        event RollingOut
        status RollingOut
        status RollingOut
        status ScaledToZero, durable
        event ScaledToZero
    """,
    "scale from 0": """
        status Progressing, durable
        apply Deployment app
        status RollingOut
        event RollingOut
        status RollingOut
        status RollingOut
        status Serving, durable
        event Serving
    """,
    "scale up": """
        status Progressing, durable
        apply Deployment app
        status RollingOut
        event RollingOut
        status RollingOut
        status Serving, durable
        event Serving
    """,
    "other resources": """
        status Progressing, durable
        apply Deployment app
        status RollingOut
        event RollingOut
        status RollingOut
        status Serving, durable
        event Serving
    """,
}


@pytest.fixture(name="sim")
def given_sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulation:
    return Simulation(tmp_path, monkeypatch)


async def arrive(sim: Simulation, name: str) -> None:
    """What is there before the edit."""
    history, _ = EDITS[name]
    for edit in HISTORY if history is None else history:
        edit(sim)
        await sim.settle()
    sim.back_to(sim.saved())


@pytest.mark.parametrize("name", ORDER)
async def test_order(sim: Simulation, name: str) -> None:
    await arrive(sim, name)
    EDITS[name][1](sim)
    await sim.settle()
    assert [str(sim.calls[place]) for place in sim.written] == ORDER[name].replace("        ", "").strip().splitlines()
    assert not sim.wrong()


@pytest.mark.parametrize("name", EDITS)
async def test_where_nothing_has_changed_nothing_is_written(sim: Simulation, name: str) -> None:
    """Neither by the operator that was at work, nor by the next one."""
    await arrive(sim, name)
    EDITS[name][1](sim)
    await sim.settle()
    sim.calls, sim.written = [], []
    sim.look_again()
    await sim.settle()
    sim.start_operator()
    await sim.settle()
    assert (sim.written, [str(call) for call in sim.calls if call.changes and "apply" not in str(call)]) == ([], [])
    assert sim.calls or name == "delete"


async def test_what_is_deleted_leaves_nothing(sim: Simulation) -> None:
    await arrive(sim, "delete")
    sim.delete("app")
    await sim.settle()
    assert not [kind for kind, *_ in sim.api.objects if kind not in ("Event", "Namespace")]
    assert sim.answers == ["B", None]
