"""How a deployment has fared, from the metrics of its servers."""

import pytest

from localmodel.targets import figures
from localmodel_server.metrics import Metrics


def said(*seconds: float, status: int = 200, memory: int = 1_000_000) -> str:
    """What a server says that has answered so many requests."""
    metrics = Metrics()
    metrics.watch(int, int, int, lambda: memory, str, str)
    for each in seconds:
        metrics.answered("azure", status, each, 0.0, each)
    return metrics.exposition("")[0].decode()


def test_the_figures_of_a_server() -> None:
    found = figures.read([said(0.003, 0.003, 0.004, 2.0)])
    assert found
    assert (found.requests, found.errors, found.memory_bytes) == (4, 0, 1_000_000)
    assert found.p50_seconds is not None and 0.0025 < found.p50_seconds <= 0.005
    assert found.since is None or "T" in found.since


def test_several_servers_count_together() -> None:
    found = figures.read([said(0.003, 0.003), said(0.1, status=500), said(0.1, status=422)])
    assert found
    assert (found.requests, found.errors, found.memory_bytes) == (4, 2, 3_000_000)


def test_before_the_first_request_there_is_no_median() -> None:
    found = figures.read([said(memory=0)])
    assert found
    assert (found.requests, found.errors, found.p50_seconds, found.memory_bytes) == (0, 0, None, None)


def test_a_median_beyond_every_bound_is_the_last_bound() -> None:
    found = figures.read([said(1000.0)])
    assert found and found.p50_seconds == pytest.approx(300.0)


@pytest.mark.parametrize("texts", [[], ["<html>not found</html>"], ["{} {"], ["up 1\n"]])
def test_what_is_not_our_server_has_no_figures(texts: list[str]) -> None:
    assert figures.read(texts) is None
