"""The kinds of edits, each with what is there before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localmodel.cluster_records import names
from localmodel_untrusted.replayed import Replayed
from support import given
from support.operator.simulation import PORT, Simulation

BROKEN = given.inline(given.script("C").replace("pass", "{}['age']"))
ROLL, RECREATE = {"update": {"strategy": "Roll"}}, {"update": {"strategy": "Recreate"}}

ASKED: dict[str, Any] = {"capture": {"percent": 100}, "update": {"strategy": "Roll", "replay": {"minRequests": 1}}}

Edit = Callable[[Simulation], None]


def serve(answer: str, **fields: Any) -> Edit:
    return lambda sim: sim.serve(answer, **fields)


def fail(**fields: Any) -> Edit:
    return lambda sim: sim.apply(given.lmd("app", PORT, BROKEN, **fields))


def ask_for(number: int) -> Edit:
    def ask(sim: Simulation) -> None:
        annotations = {names.SERVE_ANNOTATION: str(number)}
        sim.apply({**sim.owner(), "metadata": {"name": "app", "annotations": annotations}})

    return ask


def asked(changed: int) -> Edit:
    """An edit for which pods are replaced, with requests that those before have captured."""

    def edit(sim: Simulation) -> None:
        for server in sim.pods.servers.values():
            server.captured = Replayed(1, 5, changed, {"$": changed}, (), {})
        sim.serve("B", **ASKED)

    return edit


HISTORY = [serve("A"), serve("B")]
TWO = [serve("A", replicas=2), serve("B", replicas=2)]
# What is there before (None: HISTORY), and the edit.
EDITS: dict[str, tuple[list[Edit] | None, Edit]] = {
    "first": ([], serve("A")),
    "swap": (None, serve("C")),
    "swap of two pods": (TWO, serve("C", replicas=2)),
    "swap that fails": (None, fail()),
    "swap of two pods that fails": (TWO, fail(replicas=2)),
    "roll": (None, serve("C", **ROLL)),
    "roll that fails": (None, fail(**ROLL)),
    "roll that is asked first": ([serve("A", **ASKED)], asked(0)),
    "roll that answers otherwise": ([serve("A", **ASKED)], asked(3)),
    "recreate": (None, serve("C", **RECREATE)),
    "recreate that fails": (None, fail(**RECREATE)),
    "rollback": (TWO, ask_for(1)),
    "scale to 0": (None, serve("B", replicas=0)),
    "scale from 0": ([serve("A", replicas=0)], serve("A")),
    "scale up": (None, serve("B", replicas=2)),
    "other resources": (None, serve("B", resources={"limits": {"memory": "1Gi"}})),
    "no port any more": (None, serve("B", service={"expose": "None"})),
    "an autoscaler says how many": (TWO, serve("B", autoscaling={"max": 3, "inflight": 4})),
    "no autoscaler any more": ([serve("A", autoscaling={"max": 3, "inflight": 4})], serve("A", replicas=2)),
    "an Ingress, and no port any more": (None, serve("B", service={"expose": "Ingress"})),
    "delete": (None, lambda sim: sim.delete("app")),
}
