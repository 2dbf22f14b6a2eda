"""When a switch has made things worse."""

from __future__ import annotations

import pytest

from localmodel_server.error_rate import ErrorRate, Tally, is_bad


@pytest.mark.parametrize(
    ("before", "since", "bad"),
    [
        ((100, 0), (10, 5), True),
        ((100, 0), (9, 9), False),  # too few to tell
        ((100, 0), (100, 49), False),
        ((0, 0), (10, 10), True),
        ((100, 20), (10, 5), True),
        ((100, 25), (10, 5), False),  # not less than half of it failed before
        ((100, 90), (10, 10), False),
    ],
)
def test_bad(before: tuple[int, int], since: tuple[int, int], bad: bool) -> None:
    assert is_bad(Tally(*before, 60.0), Tally(*since, 5.0)) is bad


def test_before_is_the_last_minute_before_the_switch() -> None:
    now = 0.0
    rate = ErrorRate(lambda: now)
    for tenth in range(12):  # two minutes; everything fails in the first
        rate.requests += 10
        rate.failed += 10 if tenth < 6 else 0
        now += 10.0
        rate.sample()
    rate.switched()
    assert rate.before.failed == 0
    assert 40 <= rate.before.requests <= 60
    assert rate.before.seconds <= 60
    assert rate.since == rate.recent == Tally(0, 0, 0.0)
    rate.requests += 3
    rate.failed += 1
    now += 2.0
    assert rate.since == Tally(3, 1, 2.0)
    rate.switched()
    assert rate.before == Tally(3, 1, 2.0), "no further back than the switch before"


def test_recent_is_the_last_minute_and_only_of_what_serves() -> None:
    now = 0.0
    rate = ErrorRate(lambda: now)
    for tenth in range(12):  # two minutes; everything fails in the first
        rate.requests += 10
        rate.failed += 10 if tenth < 6 else 0
        now += 10.0
        rate.sample()
        assert (rate.recent.failed > 0) is (tenth < 10), "what is over is over"
    assert rate.since.failed == 60
    rate.switched()
    assert rate.recent == Tally(0, 0, 0.0)
