"""What is counted of two revisions side by side."""

from __future__ import annotations

import pytest

from localmodel_server.figures import Figures


def test_durations_of_several_pods_can_be_added_and_tell_ratios() -> None:
    figures = Figures("7")
    for status, seconds in ((200, 0.0001), (200, 0.010), (503, 0.020), (499, 100_000.0)):
        figures.add(status, seconds)
    report = figures.as_object()
    assert (report["revision"], report["requests"], report["failed"], report["unavailable"]) == ("7", 4, 1, 0)
    first, short, long, last = report["milliseconds"]
    assert (first, last) == ([0.25, 1], [None, 1])
    assert 10 <= short[0] < 12
    assert long[0] / short[0] == pytest.approx(2, rel=1e-3)
    assert figures.seconds == pytest.approx(100_000.0301)
