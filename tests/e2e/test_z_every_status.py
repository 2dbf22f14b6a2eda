"""What holds for everything the other tests have seen; runs last, as its name sorts last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from recorder import Recording
from support.operator import timeline

pytestmark = pytest.mark.judges_the_run


def test_every_status_ever_written_follows_the_rules(recordings: list[Recording]) -> None:
    broken = []
    for recording in recordings:
        assert recording.resources
        for row in timeline.rows(recording.resources):
            before: Mapping[str, Any] = {}
            for version in row:
                broken += [f"{version}: {rule}" for rule in timeline.broken_rules(version.found, before)]
                before = {each["type"]: each for each in version.status.get("conditions", [])}
    assert not broken


def test_no_status_contradicts_itself_or_goes_back_unsaid(recordings: list[Recording]) -> None:
    rows = [row for recording in recordings for row in timeline.rows(recording.resources)]
    rules = (timeline.wrong_words, timeline.went_back, timeline.swallowed_edits)
    assert not [wrong for row in rows for rule in rules for wrong in rule(row)]


def test_durable_was_true_of_every_pod(recordings: list[Recording]) -> None:
    for recording in recordings:
        rows = timeline.rows(recording.resources)
        assert any(version.holds("Durable") for row in rows for version in row)
        assert not [wrong for row in rows for wrong in timeline.wrong_durable(row, recording.pods)]


def test_no_status_contradicts_what_clients_saw(recordings: list[Recording]) -> None:
    wrong = []
    for recording in recordings:
        judged = 0
        for row in timeline.rows(recording.resources):
            ports = {version.port for version in row} - {0}
            asked = [each for port in ports for each in recording.asked.get(port, [])]
            judged += len(asked)
            for rule in (timeline.wrong_answers, timeline.wrong_health):
                wrong += rule(row, asked)
            wrong += timeline.wrong_silence(row, asked, recording.pods)
        assert judged, "nothing was asked"
    assert not wrong


def test_operator_met_nothing_unforeseen(recordings: list[Recording]) -> None:
    for recording in recordings:
        assert "Traceback" not in recording.log
