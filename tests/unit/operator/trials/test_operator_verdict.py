"""What follows from the figures of two revisions side by side."""

from __future__ import annotations

from math import inf

import pytest

from localmodel.resource.stages import Limits, Stage
from localmodel_operator.trials import figures, verdict
from localmodel_operator.trials.figures import Counts, Seen

STAGE = Stage("canary", 5, 60, 100, Limits(0.01, 2.0))
SHADOW = Stage("shadow", 5, 60, 100, Limits(0.01, None, 0.1))
SERVING = Counts(1000, 0, ((10.0, 1000),))


def candidate(requests: int, failed: int = 0, milliseconds: float = 10.0, seconds: float = 0.0) -> Seen:
    return Seen(SERVING, Counts(requests, failed, ((milliseconds, requests),)), seconds=seconds)


@pytest.mark.parametrize(
    ("requests", "seconds", "is_over"), [(99, 1e6, False), (100, 59.0, False), (100, 60.0, True), (0, 1e6, False)]
)
def test_it_takes_both_the_time_and_the_requests(requests: int, seconds: float, is_over: bool) -> None:
    seen = candidate(requests, seconds=seconds)
    assert verdict.is_over(STAGE, seen) == is_over
    assert verdict.lacks(STAGE, seen) == (seconds >= 60 and not is_over)


@pytest.mark.parametrize(("compared", "failed", "is_over"), [(100, 0, True), (99, 0, False), (95, 5, True)])
def test_copies_that_could_not_be_compared_say_nothing(compared: int, failed: int, is_over: bool) -> None:
    seen = Seen(SERVING, Counts(500, failed), compared, 0, 60.0)
    assert verdict.is_over(SHADOW, seen) == is_over


@pytest.mark.parametrize(
    ("requests", "failed", "speaks"),
    [
        (1, 1, False),  # 99 more may come that do not fail
        (2, 2, True),  # whatever comes, it is more than 1 in 100
        (100, 1, False),
        (100, 2, True),
        (1000, 10, False),
        (1000, 11, True),
    ],
)
def test_a_revision_that_fails_is_out_as_soon_as_no_more_requests_can_help_it(
    requests: int, failed: int, speaks: bool
) -> None:
    assert bool(verdict.against(STAGE, candidate(requests, failed))) == speaks


def test_what_fails_in_both_is_not_the_candidates_fault() -> None:
    both = Seen(Counts(1000, 50), Counts(200, 11))
    assert verdict.against(STAGE, both) == ""
    assert "12 of 100 answers failed, and 50 of 1000 of what serves (errorRatio is 0.01)" in verdict.against(
        STAGE, Seen(Counts(1000, 50), Counts(100, 12))
    )


@pytest.mark.parametrize(
    ("requests", "milliseconds", "speaks"), [(100, 20.0, False), (100, 21.0, True), (99, 21.0, False), (100, inf, True)]
)
def test_the_slowest_tenth_is_compared(requests: int, milliseconds: float, speaks: bool) -> None:
    assert bool(verdict.against(STAGE, candidate(requests, 0, milliseconds))) == speaks
    fast = Counts(requests, 0, ((1.0, requests * 9 // 10), (milliseconds, requests - requests * 9 // 10)))
    assert verdict.against(STAGE, Seen(SERVING, fast)) == "", "only the slowest tenth is slow"


def test_without_answers_of_what_serves_no_times_are_compared() -> None:
    assert verdict.against(STAGE, Seen(Counts(9, 0, ((1.0, 9),)), candidate(100, 0, 99.0).candidate)) == ""


@pytest.mark.parametrize(("compared", "changed", "speaks"), [(10, 10, False), (11, 11, True), (100, 11, True)])
def test_a_shadow_that_answers_otherwise_is_out(compared: int, changed: int, speaks: bool) -> None:
    found = verdict.against(SHADOW, Seen(SERVING, Counts(compared), compared, changed))
    assert bool(found) == speaks
    assert not speaks or found == f"{changed} of {compared} answers differ (changedRatio is 0.1)"


def test_the_figures_of_pods_are_added_up() -> None:
    one = Seen(Counts(10, 1, ((1.0, 4), (2.0, 6))), Counts(3, 0, ((1.0, 3),)), 2, 1, 5.0)
    other = Seen(Counts(5, 0, ((2.0, 5),)), Counts(1, 1, ((inf, 1),)), 1, 0, 9.0)
    both = figures.together([one, other])
    assert (both.serving.requests, both.serving.failed, dict(both.serving.milliseconds)) == (15, 1, {1.0: 4, 2.0: 11})
    assert (both.candidate.requests, both.candidate.failed) == (4, 1)
    assert (both.compared, both.changed, both.seconds) == (3, 1, 9.0)
    assert figures.together([]) == Seen()


COUNTS = {"revision": "2", "requests": 3, "failed": 1, "unavailable": 2, "milliseconds": [[1.5, 2], [None, 1]]}
REPORT = {
    "role": "canary",
    "percent": 5.0,
    "sticky": "x-user",
    "force": None,
    "seconds": 3.0,
    "serving": COUNTS,
    "candidate": COUNTS,
    "copies": None,
}


def test_a_servers_report_is_read() -> None:
    report = figures.read(REPORT)
    assert report.told == {"role": "canary", "percent": 5, "sticky": "x-user", "force": ""}
    assert report.seen.candidate == Counts(5, 3, ((1.5, 2), (inf, 1))), "what it could not answer, it has failed"
    copies = {"same": 4, "changed": 1, "failed": 2, "dropped": 9}
    shadow = figures.read({**REPORT, "role": "shadow", "copies": copies}).seen
    assert (shadow.compared, shadow.changed) == (5, 1)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"role": 5}, "trial.role"),
        ({"role": "x" * 201}, "trial.role"),
        ({"percent": "5"}, "trial.percent"),
        ({"percent": float("nan")}, "trial.percent"),
        ({"seconds": None}, "trial.seconds"),
        ({"serving": None}, "trial.serving"),
        ({"candidate": {**COUNTS, "requests": -1}}, "trial.requests"),
        ({"candidate": {**COUNTS, "failed": True}}, "trial.failed"),
        ({"candidate": {**COUNTS, "milliseconds": [[1.0, 1]] * 1001}}, "trial.milliseconds"),
        ({"candidate": {**COUNTS, "milliseconds": [[1.0]]}}, "trial.milliseconds"),
        ({"candidate": {**COUNTS, "milliseconds": [[float("inf"), 1]]}}, "trial.milliseconds"),
        ({"copies": [1]}, "trial.copies"),
        ({"copies": {"same": 2**60}}, "trial.same"),
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        figures.read({**REPORT, **change})
