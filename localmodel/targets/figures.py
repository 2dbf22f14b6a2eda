"""A deployment's figures since its servers started, from their /metrics."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_HALF = 0.5
_SUMS = ("localmodel_memory_bytes", "localmodel_queue_depth", "localmodel_worker_restarts_total")


@dataclass(frozen=True)
class Figures:
    """The figures of all servers of a deployment.

    Attributes:
        requests: how many were answered.
        errors: how many of them with a status of 400 or more.
        p50_seconds: within how many seconds half of them were answered; None without any.
        memory_bytes: what the servers and their processes take; None where the system does not tell.
        since: when the first of them started, in RFC 3339; None where the system does not tell.
    """

    requests: int
    errors: int
    p50_seconds: float | None
    memory_bytes: int | None
    since: str | None


@dataclass(frozen=True)
class Counts:
    """What all servers of a deployment have counted since they started, and what they take now.

    Attributes:
        requests: how many were answered.
        errors: how many of them with a status of 400 or more.
        buckets: how many of them within so many seconds.
        memory: bytes of memory; 0 where the system does not tell.
        starts: when each server started, in seconds since 1970.
        waiting: how many requests wait for a worker now.
        restarts: how many workers had to be replaced.
    """

    requests: float
    errors: float
    buckets: Mapping[float, float]
    memory: float
    starts: Sequence[float]
    waiting: float = 0
    restarts: float = 0


def counts(texts: Iterable[str]) -> Counts | None:
    """The counts in the servers' metrics, or None if they have none."""
    statuses: defaultdict[str, float] = defaultdict(float)
    buckets: defaultdict[float, float] = defaultdict(float)
    sums = dict.fromkeys(_SUMS, 0.0)
    starts = []
    samples = (sample for text in texts for metric in _metrics(text) for sample in metric.samples)
    for sample in (sample for sample in samples if math.isfinite(sample.value)):
        if sample.name == "localmodel_requests_total":
            statuses[sample.labels["status"]] += sample.value
        elif sample.name == "localmodel_request_duration_seconds_bucket" and sample.labels["stage"] == "total":
            buckets[float(sample.labels["le"])] += sample.value
        elif sample.name in sums:
            sums[sample.name] += sample.value
        elif sample.name == "process_start_time_seconds":
            starts.append(sample.value)
    if not buckets:
        return None
    errors = sum(count for status, count in statuses.items() if status.startswith(("4", "5")))
    memory, waiting, restarts = (sums[name] for name in _SUMS)
    return Counts(sum(statuses.values()), errors, buckets, memory, starts, waiting, restarts)


def read(texts: Iterable[str]) -> Figures | None:
    """The figures in the servers' metrics, or None if they have none."""
    counted = counts(texts)
    if counted is None:
        return None
    starts = counted.starts
    return Figures(
        requests=int(counted.requests),
        errors=int(counted.errors),
        p50_seconds=quantile(counted.buckets, _HALF),
        memory_bytes=int(counted.memory) or None,
        since=datetime.fromtimestamp(min(starts), UTC).isoformat(timespec="seconds") if starts else None,
    )


def _metrics(text: str) -> "Iterable[Metric]":
    """The metrics in a text; none if it is something else."""
    from prometheus_client.parser import text_string_to_metric_families

    try:
        return [*text_string_to_metric_families(text)]
    except ValueError:
        return []


def quantile(buckets: Mapping[float, float], share: float) -> float | None:
    """What this share does not exceed, as Prometheus estimates it, with equally likely values within a bucket."""
    wanted = buckets[math.inf] * share
    if not wanted:
        return None
    bound, below = 0.0, 0.0
    for limit, count in sorted(buckets.items()):
        if count >= wanted:
            return bound if math.isinf(limit) else bound + (limit - bound) * (wanted - below) / (count - below)
        bound, below = limit, count
    return bound
