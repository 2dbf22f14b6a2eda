"""The server's metrics for Prometheus.

Requests only add to plain numbers, on the event loop's thread; prometheus_client sees them when somebody asks.
Its own counters take locks and look for buckets one by one, which every request would have to pay for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from localmodel_server.error_rate import ErrorRate
from localmodel_server.figures import Figures

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class _Histogram:
    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds and how many values are not above them, as Prometheus counts."""
        sums = list(accumulate(self.counts))
        return [(bound, float(sums[index])) for index, bound in enumerate([*map(str, self.bounds), "+Inf"])]


class Metrics:
    """Counts of one server process since its start."""

    def __init__(self) -> None:
        self.error_rate = ErrorRate()
        self.figures: Figures | None = None  # of the revision that serves, while a candidate runs beside it
        self.more: Callable[[], Iterable[Metric]] = tuple  # what else there is to collect
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._lost: defaultdict[str, int] = defaultdict(int)
        self._captured: defaultdict[str, int] = defaultdict(int)
        self._total = _Histogram(_SECONDS)
        self._queue = _Histogram(_SECONDS)
        self._run = _Histogram(_SECONDS)
        self._batch = _Histogram(_SIZES)
        self._gauges: dict[str, Callable[[], int]] = {}
        self._revision: Callable[[], str] = str
        self._model: Callable[[], str] = str

    def answered(
        self,
        dialect: str,
        status: int,
        total: float,
        queue: float | None = None,
        run: float | None = None,
        serves: bool = True,
    ) -> None:
        """Count a scoring request and its seconds: from its arrival to its answer, in line, in run().

        None says that it never was in line, or that run() did not return; serves, whether the revision that serves has
        answered, and not a candidate.
        """
        self._requests[dialect, status] += 1
        if serves:
            self.error_rate.requests += 1
            if status >= 500:
                self.error_rate.failed += 1
            if self.figures is not None:
                self.figures.add(status, total)
        self._total.add(total)
        if queue is not None:
            self._queue.add(queue)
        if run is not None:
            self._run.add(run)

    def batched(self, requests: int) -> None:
        """Count a call of run() that answers so many requests."""
        self._batch.add(requests)

    def worker_lost(self, reason: str) -> None:
        """Count a worker that has to be replaced; reason is one word of few (`died`, `timeout`)."""
        self._lost[reason] += 1

    def captured(self, result: str) -> None:
        """Count a request that was to be captured, by what became of it (`written`, `dropped`, `failed`)."""
        self._captured[result] += 1

    def watch(
        self,
        queue_depth: Callable[[], int],
        in_flight: Callable[[], int],
        workers: Callable[[], int],
        memory: Callable[[], int],
        revision: Callable[[], str],
        model: Callable[[], str],
    ) -> None:
        """Set the functions that are asked for current values each time the metrics are read."""
        self._gauges = {
            "localmodel_queue_depth": queue_depth,
            "localmodel_requests_in_flight": in_flight,
            "localmodel_workers": workers,
            "localmodel_memory_bytes": memory,
        }
        self._revision, self._model = revision, model

    def collect(self) -> Iterable[Metric]:
        """The metrics as prometheus_client wants them from a collector."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        requests = CounterMetricFamily("localmodel_requests", "Scoring requests answered", labels=["dialect", "status"])
        for (dialect, status), count in list(self._requests.items()):
            requests.add_metric([dialect, str(status)], count)
        yield requests
        lost = CounterMetricFamily("localmodel_worker_restarts", "Workers that had to be replaced", labels=["reason"])
        for reason, count in list(self._lost.items()):
            lost.add_metric([reason], count)
        yield lost
        captured = CounterMetricFamily("localmodel_captured_requests", "Requests for the capture", labels=["result"])
        for result, count in list(self._captured.items()):
            captured.add_metric([result], count)
        yield captured
        yield from self._histograms()
        for name, read in self._gauges.items():
            yield GaugeMetricFamily(name, _MEANING[name], read())
        yield from self.more()
        info = {"revision": self._revision(), "model": self._model()}
        yield InfoMetricFamily("localmodel_serving", "The revision that serves, and its models", info)

    def _histograms(self) -> Iterator[Metric]:
        from prometheus_client.core import HistogramMetricFamily

        stages = {"queue": self._queue, "run": self._run, "total": self._total}
        seconds = HistogramMetricFamily(
            "localmodel_request_duration_seconds", "Scoring requests: in line, in run(), in all", labels=["stage"]
        )
        for stage, histogram in stages.items():
            seconds.add_metric([stage], histogram.buckets(), histogram.total)
        yield seconds
        sizes = HistogramMetricFamily("localmodel_batch_size", "Requests that one call of run() answers")
        sizes.add_metric([], self._batch.buckets(), self._batch.total)
        yield sizes

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The text that Prometheus reads and its content type, in the format that the Accept header asks for."""
        from prometheus_client import CollectorRegistry, ProcessCollector
        from prometheus_client.exposition import choose_encoder

        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type


class CandidateMetrics(Metrics):
    """Counts of a candidate that answers beside the serving revision: its own, and in those of the whole server."""

    def __init__(self, server: Metrics, figures: Figures) -> None:
        super().__init__()
        self.figures: Figures = figures
        self._server = server

    def answered(
        self,
        dialect: str,
        status: int,
        total: float,
        queue: float | None = None,
        run: float | None = None,
        serves: bool = False,
    ) -> None:
        """Count a scoring request that the candidate has answered."""
        self.figures.add(status, total)
        self._server.answered(dialect, status, total, queue, run, serves)

    def batched(self, requests: int) -> None:
        """Count a call of its run()."""
        self._server.batched(requests)

    def worker_lost(self, reason: str) -> None:
        """Count one of its workers."""
        self._server.worker_lost(reason)


_MEANING = {
    "localmodel_queue_depth": "Requests that wait for a worker",
    "localmodel_requests_in_flight": "Requests that have a worker or wait for one",
    "localmodel_workers": "Workers that can serve, busy ones included",
    "localmodel_memory_bytes": "Bytes of the server and all its processes, 0 where unknown",
}
