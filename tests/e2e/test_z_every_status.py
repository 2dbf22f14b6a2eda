"""What holds for everything the other tests have seen; runs last, as its name sorts last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import load
import pytest
import timeline
from operator_process import OperatorProcess
from recorder import Recorder

pytestmark = pytest.mark.judges_the_run


def broken_rules(resource: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
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
    broken = []
    assert recorder.resources
    for row in timeline.rows(recorder.resources):
        before: Mapping[str, Any] = {}
        for version in row:
            broken += [f"{version}: {rule}" for rule in broken_rules(version.found, before)]
            before = {each["type"]: each for each in version.status.get("conditions", [])}
    assert not broken


def test_no_status_contradicts_itself_or_goes_back_unsaid(recorder: Recorder) -> None:
    rows = timeline.rows(recorder.resources)
    rules = (timeline.wrong_words, timeline.went_back, timeline.swallowed_edits)
    assert not [wrong for row in rows for rule in rules for wrong in rule(row)]


def test_durable_was_true_of_every_pod(recorder: Recorder) -> None:
    rows = timeline.rows(recorder.resources)
    assert any(version.holds("Durable") for row in rows for version in row)
    assert not [wrong for row in rows for wrong in timeline.wrong_durable(row, recorder.pods)]


def test_no_status_contradicts_what_clients_saw(recorder: Recorder) -> None:
    wrong, judged = [], 0
    for row in timeline.rows(recorder.resources):
        ports = {version.port for version in row} - {0}
        asked = [each for port in ports for each in load.noted.get(port, [])]
        judged += len(asked)
        for rule in (timeline.wrong_answers, timeline.wrong_silence, timeline.wrong_health):
            wrong += rule(row, asked)
    assert judged, "nothing was asked"
    assert not wrong


def test_operator_met_nothing_unforeseen(operator: OperatorProcess) -> None:
    assert "Traceback" not in operator.log_since(0)
