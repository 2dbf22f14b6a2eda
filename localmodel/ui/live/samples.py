"""What servers' counters say of the time between two looks at them."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

from localmodel.targets import figures
from localmodel.targets.figures import Counts

SECONDS_KEPT = 3600.0
SECONDS_BETWEEN = 5.0
_HALF, _MOST = 0.5, 0.95


@dataclass(frozen=True)
class Sample:
    """The time from `begin` to `end`, in seconds of one clock.

    Attributes:
        requests: answered, for each second.
        errors: those with a status of 400 or more, for each second.
        half: within how many milliseconds half of them were answered; None without any.
        most: the same for 95 of 100.
        memory: bytes at its end; None where the system does not tell.
        waiting: how many requests waited for a worker at its end.
        restarts: how many workers were replaced.
    """

    begin: float
    end: float
    requests: float
    errors: float
    half: float | None
    most: float | None
    memory: float | None
    waiting: float
    restarts: float


class Samples:
    """Those of one deployment in the last hour."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=int(SECONDS_KEPT / SECONDS_BETWEEN))
        self._counts: Counts | None = None
        self._at = -math.inf  # when they were read
        self._turn = Lock()

    @property
    def answers(self) -> bool:
        """Whether a server told its counters the last time."""
        return self._counts is not None

    def look(self, read: Callable[[], Counts | None]) -> None:
        """Read the counters again if it is time, unless another thread does so already."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            if time.monotonic() - self._at >= SECONDS_BETWEEN:
                counts = read()
                self.add(time.monotonic(), counts)
        finally:
            self._turn.release()

    def add(self, now: float, counts: Counts | None) -> None:
        """Add what the counters say now; None where no server answers."""
        (begin, self._at), (before, self._counts) = (self._at, now), (self._counts, counts)
        if before is None or counts is None:
            return
        # What one of several servers had counted goes with it, and then the sums say nothing of the time between.
        if len(before.starts) <= 1 or not set(before.starts) - set(counts.starts):
            self._samples.append(between(begin, now, before, counts))

    def kept(self, now: float) -> Iterator[Sample]:
        """Those that are not older than an hour, oldest first."""
        return (sample for sample in [*self._samples] if sample.end > now - SECONDS_KEPT)


def between(begin: float, end: float, before: Counts, after: Counts) -> Sample:
    """The sample between two looks. Where a counter has fallen, a server was started, and counts from zero."""
    is_afresh = any(after.buckets.get(bound, 0) < count for bound, count in before.buckets.items())
    old = Counts(0, 0, {}, 0, ()) if is_afresh or after.requests < before.requests else before
    seconds = end - begin
    buckets = {bound: count - old.buckets.get(bound, 0) for bound, count in after.buckets.items()}
    half, most = (figures.quantile(buckets, share) for share in (_HALF, _MOST))
    return Sample(
        begin,
        end,
        (after.requests - old.requests) / seconds,
        max(after.errors - old.errors, 0) / seconds,
        None if half is None else half * 1000,
        None if most is None else most * 1000,
        after.memory or None,
        after.waiting,
        max(after.restarts - old.restarts, 0),
    )
