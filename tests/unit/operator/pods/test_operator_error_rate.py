"""Whether a switch made it worse, from what the pods have counted."""

from __future__ import annotations

import pytest
from support.operator.operator_given import recorded, state

from localmodel_operator.pods import error_rate
from localmodel_operator.pods.pod_state import PodState

NOW = recorded(2)


def told(failed: int, of: int, failed_before: int, of_before: int, seconds: float = 3.0) -> PodState:
    since = {"requests": of, "failed": failed, "seconds": seconds}
    before = {"requests": of_before, "failed": failed_before, "seconds": 100.0}
    return state(NOW, since_switch=since, before_switch=before)


@pytest.mark.parametrize(
    "states",
    [
        [told(10, 10, 0, 10)],
        [told(5, 10, 0, 100)],
        [told(50, 100, 24, 100)],
        [told(5, 5, 0, 50), told(5, 5, 0, 50)],
        [told(10, 12, 0, 100), told(0, 8, 0, 0)],
        [told(10, 10, 0, 10, seconds=59.9)],
    ],
    ids=["all", "half", "more than twice as many", "of two pods", "mostly of one pod", "just in time"],
)
def test_worse_than_before(states: list[PodState]) -> None:
    assert error_rate.verdict(states)


@pytest.mark.parametrize(
    "states",
    [
        [],
        [state(NOW)],
        [told(0, 1000, 0, 1000)],
        [told(9, 9, 0, 1000)],
        [told(49, 100, 0, 1000)],
        [told(50, 100, 25, 100)],
        [told(10, 10, 10, 10)],
        [told(10, 10, 0, 0)],
        [told(10, 10, 0, 9)],
        [told(10, 10, 0, 100, seconds=60.0)],
        [told(5, 10, 0, 100), told(0, 10, 0, 100)],
    ],
    ids=[
        "no pod",
        "a pod that has never switched",
        "well",
        "too few requests to tell",
        "less than half",
        "half as bad before",
        "as bad before",
        "nothing before to compare with",
        "too little before to compare with",
        "too late",
        "half of one pod's, a quarter of all",
    ],
)
def test_nothing_to_hold_against_it(states: list[PodState]) -> None:
    assert error_rate.verdict(states) == ""


def test_pods_that_were_started_with_it_are_not_counted() -> None:
    fresh = state(NOW, since_switch={"requests": 1000, "failed": 0, "seconds": 2})
    assert error_rate.verdict([told(10, 10, 0, 100), fresh])


def test_the_verdict_tells_both_sides() -> None:
    assert error_rate.verdict([told(9, 10, 1, 50)]) == ("9 of the first 10 requests failed, and of the 50 before it 1")


def test_watched_for_a_minute_after_a_switch() -> None:
    assert error_rate.is_watched([told(0, 0, 0, 5, seconds=0.1)])
    assert error_rate.is_watched([state(NOW), told(0, 0, 0, 5, seconds=59)])
    assert not error_rate.is_watched([told(0, 0, 0, 5, seconds=60)])
    assert not error_rate.is_watched([state(NOW)])
    assert not error_rate.is_watched([])


@pytest.mark.parametrize(
    ("states", "holds"),
    [
        ([told(0, 3, 0, 100, seconds=0.5)], True),
        ([told(0, 0, 0, 100, seconds=1.9)], True),
        ([told(0, 3, 0, 100, seconds=2.0)], False),
        ([told(0, 10, 0, 100, seconds=0.1)], False),
        ([told(0, 5, 0, 50, seconds=0.1), told(0, 5, 0, 50, seconds=0.1)], False),
        ([told(0, 1, 0, 50, seconds=3.0), told(0, 1, 0, 50, seconds=0.1)], True),
        ([told(0, 0, 0, 9, seconds=0.1)], False),
        ([state(NOW)], False),
        ([], False),
    ],
    ids=[
        "a few requests",
        "none yet",
        "long enough",
        "enough requests",
        "enough of two pods",
        "the last pod has just switched",
        "quiet before: no verdict can come",
        "started with it",
        "no pod",
    ],
)
def test_on_trial_until_enough_was_seen_for_a_verdict(states: list[PodState], holds: bool) -> None:
    assert error_rate.on_trial(states) is holds


def test_what_looks_bad_before_there_is_a_verdict() -> None:
    assert error_rate.looks_bad([told(1, 1, 0, 50)])
    assert error_rate.looks_bad([told(2, 3, 0, 50)])
    assert not error_rate.looks_bad([told(0, 0, 0, 50)])
    assert not error_rate.looks_bad([told(1, 3, 0, 50)])
    assert not error_rate.looks_bad([told(3, 3, 50, 50)]), "they failed before, too"
    assert not error_rate.looks_bad([told(3, 3, 0, 5)]), "nothing to compare with"
