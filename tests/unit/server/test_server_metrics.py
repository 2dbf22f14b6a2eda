from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from localmodel_server.metrics import Metrics


def values(metrics: Metrics) -> dict[str, float]:
    text, _ = metrics.exposition("")
    lines = [line for line in text.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_requests_count_by_dialect_and_status() -> None:
    metrics = Metrics()
    metrics.answered("azure", 200, 0.02, 0.001, 0.01)
    metrics.answered("azure", 200, 0.02, 0.001, 0.01)
    metrics.answered("mlflow", 400, 0.001)
    found = values(metrics)
    assert found['localmodel_requests_total{dialect="azure",status="200"}'] == 2
    assert found['localmodel_requests_total{dialect="mlflow",status="400"}'] == 1


def test_each_stage_has_its_seconds() -> None:
    metrics = Metrics()
    metrics.answered("azure", 200, 0.02, 0.001, 0.01)
    metrics.answered("azure", 200, 0.5, None, 0.4)
    found = values(metrics)
    name = "localmodel_request_duration_seconds"
    assert [found[f'{name}_count{{stage="{stage}"}}'] for stage in ("queue", "run", "total")] == [1, 2, 2]
    assert found[f'{name}_sum{{stage="total"}}'] == pytest.approx(0.52)
    # a value that equals a bound is below it
    assert found[f'{name}_bucket{{le="0.005",stage="run"}}'] == 0
    assert found[f'{name}_bucket{{le="0.01",stage="run"}}'] == 1
    assert found[f'{name}_bucket{{le="+Inf",stage="run"}}'] == 2


def test_batches_and_lost_workers() -> None:
    metrics = Metrics()
    metrics.batched(1)
    metrics.batched(12)
    metrics.worker_lost("timeout")
    found = values(metrics)
    assert found['localmodel_batch_size_bucket{le="1.0"}'] == 1
    assert found['localmodel_batch_size_bucket{le="16.0"}'] == 2
    assert found["localmodel_batch_size_sum"] == 13
    assert found['localmodel_worker_restarts_total{reason="timeout"}'] == 1


def test_what_changes_by_itself_is_asked_for_each_time() -> None:
    metrics, depth = Metrics(), [3]
    metrics.watch(lambda: depth[0], lambda: 5, lambda: 2, lambda: 9, lambda: "7", lambda: "mnist:1@sha256:ab")
    assert values(metrics)["localmodel_queue_depth"] == 3
    depth[0] = 4
    found = values(metrics)
    assert found["localmodel_queue_depth"] == 4
    assert (found["localmodel_requests_in_flight"], found["localmodel_workers"]) == (5, 2)
    assert found["localmodel_memory_bytes"] == 9
    assert found['localmodel_serving_info{model="mnist:1@sha256:ab",revision="7"}'] == 1


def test_a_server_without_a_revision_has_metrics_too() -> None:
    assert values(Metrics())['localmodel_serving_info{model="",revision=""}'] == 1


def test_prometheus_gets_the_format_that_it_asks_for() -> None:
    text, content_type = Metrics().exposition("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
    assert Metrics().exposition("*/*")[1].startswith("text/plain")


def test_counting_a_request_makes_a_handful_of_calls() -> None:
    """A request pays for each call: it takes no lock and looks for no bucket one by one, however many came before."""
    metrics = Metrics()
    calls: list[str] = []

    def called(_: FrameType, event: str, what: Any) -> None:
        if event in {"call", "c_call"}:
            calls.append(getattr(what, "__name__", event))

    for number in range(1000):
        if number in {1, 999}:
            sys.setprofile(called)
        metrics.answered("azure", 200, 0.02 * number, 0.001, 0.01)
        sys.setprofile(None)
    once = len(calls) // 2
    assert calls[:once] == calls[once:]
    assert once <= 8, calls  # the call itself, three histograms, three bisections, and the end of the profile
