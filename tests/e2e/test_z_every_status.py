"""What holds for everything the other tests have seen; runs last, as its name sorts last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import load
import pytest
from operator_process import OperatorProcess
from recorder import Recorder
from support import timeline

pytestmark = pytest.mark.judges_the_run


def test_every_status_ever_written_follows_the_rules(recorder: Recorder) -> None:
    broken = []
    assert recorder.resources
    for row in timeline.rows(recorder.resources):
        before: Mapping[str, Any] = {}
        for version in row:
            broken += [f"{version}: {rule}" for rule in timeline.broken_rules(version.found, before)]
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
