"""What is counted of two revisions side by side."""

from __future__ import annotations

import pytest

from localmodel_server.figures import Figures
from localmodel_server.life.shadow import compare


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


@pytest.mark.parametrize(
    ("before", "after", "result"),
    [
        (b'{"a": 1, "b": [NaN]}', b'{"b":[NaN],"a":1.0}', "same"),
        (b"[1]", b"[2]", "changed"),
        (b"[1]", b"no JSON", "changed"),
        (b"\xff", b"\xfe", "changed"),
        (b"[" * 100_000, b"{" * 100_000, "changed"),
    ],
)
def test_answers_are_the_same_if_they_mean_the_same(before: bytes, after: bytes, result: str) -> None:
    assert compare(before, after) == result
