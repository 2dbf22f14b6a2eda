"""The figures of the last hour: what counters say between two looks, and how it is drawn."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from localmodel.targets.figures import Counts
from localmodel.ui.live import pictures, samples
from localmodel.ui.live.samples import Samples


def counts(requests: float, errors: float = 0, memory: float = 1000) -> Counts:
    """Requests that took between 10 and 20 milliseconds."""
    return Counts(requests, errors, {0.01: 0, 0.02: requests, math.inf: requests}, memory, ())


def test_rates_and_times_are_those_between_two_looks() -> None:
    sample = samples.between(10, 15, counts(100, 10), counts(200, 15))
    assert (sample.requests, sample.errors, sample.memory) == (20, 1, 1000)
    assert sample.half == pytest.approx(15) and sample.most == pytest.approx(19.5)


def test_a_server_that_was_started_meanwhile_counts_from_zero() -> None:
    sample = samples.between(10, 15, counts(100, 10), counts(50, 5))
    assert (sample.requests, sample.errors) == (10, 1) and sample.half == pytest.approx(15)


def test_who_waits_is_told_as_it_is_and_lost_workers_as_they_were_lost() -> None:
    before, after = (replace(counts(1), waiting=waiting, restarts=restarts) for waiting, restarts in ((9, 2), (4, 5)))
    sample = samples.between(10, 15, before, after)
    assert (sample.waiting, sample.restarts) == (4, 3)
    titles = {picture.title: picture.now for picture in pictures.all_of([sample], 15)}
    assert titles["Requests that wait for a worker"] == "4" and titles["Workers that were replaced"] == "3"
    assert samples.between(10, 15, before, replace(counts(0), restarts=1)).restarts == 1, "another server counts"


def test_without_requests_there_is_no_time() -> None:
    sample = samples.between(10, 15, counts(100), counts(100, memory=0))
    assert (sample.requests, sample.half, sample.most, sample.memory) == (0, None, None, None)


def test_what_is_kept_is_an_hour_and_not_more() -> None:
    kept = Samples()
    for second in range(0, 10_000, 5):
        kept.add(second, counts(second))
    hour = list(kept.kept(9995))
    assert len(hour) == 720 and hour[0].end > 9995 - 3600
    assert list(kept.kept(20_000)) == []


def test_no_server_is_a_gap() -> None:
    kept = Samples()
    for second, read in ((0, counts(0)), (5, counts(5)), (10, None), (15, counts(10)), (20, counts(20))):
        kept.add(second, read)
        assert kept.answers == (read is not None)
    assert [(sample.begin, sample.end) for sample in kept.kept(20)] == [(0, 5), (15, 20)]
    requests = pictures.all_of(list(kept.kept(20)), 20)[0]
    assert requests.paths[0].count("M") == 2 and requests.now == "2"


def test_counters_are_not_read_more_often_than_needed() -> None:
    kept, reads = Samples(), []

    def read() -> Counts:
        reads.append(1)
        kept.look(read)  # another who looks meanwhile
        return counts(1)

    for _ in range(3):
        kept.look(read)
    assert len(reads) == 1


def test_a_picture_rises_to_its_top() -> None:
    kept = Samples()
    for second, requests in ((0, 0), (1800, 1800), (3600, 1800 + 1800 * 4)):
        kept.add(second, counts(requests))
    requests, errors, times, memory, *_ = pictures.all_of(list(kept.kept(3600)), 3600)
    assert requests.paths == ("M0 64H180V16H360",) and (requests.top, requests.now, requests.most) == ("5", "4", "4")
    assert errors.paths == ("M0 80H360",)
    assert len(times.paths) == 2 and times.now == "15, 19.5"
    assert (memory.paths, memory.top) == (("M0 0H360",), "1 kB") and errors.top == "1"


@pytest.mark.parametrize(
    ("seconds", "path", "since"),
    [(5, "M330 16H360", "a minute ago"), (90, "M0 16H360", "2 minutes ago"), (7200, "M0 16H360", "an hour ago")],
)
def test_what_there_is_of_the_hour_fills_the_picture(seconds: int, path: str, since: str) -> None:
    kept = Samples()
    kept.add(0, counts(0))
    kept.add(seconds, counts(seconds * 4))
    requests = pictures.all_of(list(kept.kept(seconds)), seconds)[0]
    assert (requests.paths, requests.since) == ((path,), since)


def test_nothing_is_drawn_of_nothing() -> None:
    assert all(not any(picture.paths) and picture.most == "none" for picture in pictures.all_of([], 0))


def test_a_path_never_goes_back() -> None:
    kept = Samples()
    for second in range(0, 3600, 5):
        kept.add(second, counts(second * (second % 35)))
    for picture in pictures.all_of(list(kept.kept(3595)), 3595):
        for path in picture.paths:
            steps = [int(step) for step in re.findall(r"[MH](\d+)", path)]
            assert all(first <= second for first, second in pairwise(steps))
            assert len(path) < 8000
