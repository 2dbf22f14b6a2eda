"""What a measurement comes to."""

from localmodel.benchmark.result import summary


def test_durations_and_rates() -> None:
    durations = [number / 1000 for number in range(100, 0, -1)]
    found = summary(durations, {"status 500": 3, "connection refused": 5}, 2.0, 8, 0.1)
    assert (found.requests, found.errors, found.requests_per_second, found.clients) == (100, 8, 50.0, 8)
    assert (found.p50_seconds, found.p90_seconds, found.p99_seconds, found.max_seconds) == (0.05, 0.09, 0.099, 0.1)
    assert list(found.kinds) == ["connection refused", "status 500"]
    assert not found.client_is_limit


def test_a_client_that_computes_all_the_time_says_so() -> None:
    assert summary([0.1], {}, 2.0, 1, 1.9).client_is_limit


def test_nothing_measured_is_no_number() -> None:
    found = summary([], {}, 0.0, 1, 0.0)
    assert (found.requests, found.requests_per_second, found.p50_seconds, found.max_seconds) == (0, 0.0, None, None)
