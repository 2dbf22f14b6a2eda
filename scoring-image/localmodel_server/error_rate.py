"""How many requests fail since the last switch, and how many did before it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

SECONDS_BETWEEN_SAMPLES = 10.0
_SAMPLES = 6
# After a switch, so few answers say nothing.
_FEWEST = 10


class Tally(NamedTuple):
    """Answers in a stretch of time; failed are those with a status of 500 or more."""

    requests: int
    failed: int
    seconds: float

    @property
    def failing_share(self) -> float:
        """From 0 to 1; 0 without requests."""
        return self.failed / self.requests if self.requests else 0.0


class ErrorRate:
    """Counts answers in plain numbers; call sample() every 10 seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.requests = 0
        self.failed = 0
        self.before = Tally(0, 0, 0.0)
        self._clock = clock
        self._switch = (clock(), 0, 0)
        self._samples = deque([self._switch], _SAMPLES)

    @property
    def since(self) -> Tally:
        """Since the last switch."""
        return self._since(self._switch)

    @property
    def recent(self) -> Tally:
        """In the last minute, or less, but not before the last switch."""
        return self._since(self._samples[0])

    def sample(self) -> None:
        """Remember the current counts, and forget those of more than a minute ago."""
        self._samples.append((self._clock(), self.requests, self.failed))

    def switched(self) -> None:
        """Note a switch: `before` becomes the last minute, at most, of the previous revision."""
        self.before = self.recent
        self._switch = (self._clock(), self.requests, self.failed)
        self._samples = deque([self._switch], _SAMPLES)

    def _since(self, sample: tuple[float, int, int]) -> Tally:
        then, requests, failed = sample
        return Tally(self.requests - requests, self.failed - failed, self._clock() - then)


def is_bad(before: Tally, since: Tally) -> bool:
    """Whether a switch made things worse: at least half of the requests fail, and less than half that share before."""
    share = since.failing_share
    return since.requests >= _FEWEST and share >= 0.5 and before.failing_share < share / 2
