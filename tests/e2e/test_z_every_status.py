"""What holds for everything the other tests have seen; runs last, as its name sorts last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from operator_process import OperatorProcess
from recorder import Recorder


def broken_rules(resource: dict[str, Any], before: dict[str, Any]) -> Iterator[str]:
    """The rules of kstatus and Flux, for a status and the one before it (condition type -> condition)."""
    status, generation = resource["status"], resource["metadata"]["generation"]
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    if status["observedGeneration"] > generation:
        yield f"observedGeneration {status['observedGeneration']} is ahead of generation {generation}"
    if not conditions:
        if status["observedGeneration"] != -1:
            yield "a status without conditions"
        return
    if "Ready" not in conditions:
        yield "no condition Ready"
    if {"Reconciling", "Stalled"} <= conditions.keys():
        yield "Reconciling and Stalled together"
    for name in ("Reconciling", "Stalled"):
        if name in conditions and conditions[name]["status"] != "True":
            yield f"{name} is there and not True"
        if name in conditions and conditions["Ready"]["status"] != "False":
            yield f"{name} with Ready={conditions['Ready']['status']}"
    for name, condition in conditions.items():
        if condition["observedGeneration"] > status["observedGeneration"]:
            yield f"{name} speaks of generation {condition['observedGeneration']}, which the status has not observed"
        last = before.get(name)
        if last and (last["status"] == condition["status"]) != (
            last["lastTransitionTime"] == condition["lastTransitionTime"]
        ):
            changed = last["lastTransitionTime"] != condition["lastTransitionTime"]
            if changed:
                yield f"lastTransitionTime of {name} moved without a transition"


def test_every_status_ever_written_follows_the_rules(recorder: Recorder) -> None:
    last: dict[str, dict[str, Any]] = {}
    count, broken = 0, []
    for resource in recorder.seen():
        metadata = resource["metadata"]
        before = last.get(metadata["uid"], {})
        where = f"{metadata['namespace']}/{metadata['name']} at {metadata['resourceVersion']}"
        broken += [f"{where}: {rule}" for rule in broken_rules(resource, before)]
        last[metadata["uid"]] = {each["type"]: each for each in resource["status"].get("conditions", [])}
        count += 1
    assert count > 0
    assert not broken


def test_operator_met_nothing_unforeseen(operator: OperatorProcess) -> None:
    assert "Traceback" not in operator.log_since(0)
