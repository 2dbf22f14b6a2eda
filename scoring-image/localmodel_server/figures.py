"""What one of two revisions that run side by side has answered, and how fast."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import Any

# Four to each doubling: near enough to judge a ratio of latencies by, over the sums of several pods.
_MILLISECONDS = tuple(0.25 * 2 ** (step / 4) for step in range(84))


class Figures:
    """Plain counts of one revision; failed are answers with a status of 500 or more.

    `unavailable` counts requests that it should have answered, and that another revision did because it had no worker.
    """

    def __init__(self, revision: str) -> None:
        self.revision = revision
        self.unavailable = 0
        self.seconds = 0.0
        self.statuses: defaultdict[int, int] = defaultdict(int)
        self._durations = [0] * (len(_MILLISECONDS) + 1)

    def add(self, status: int, seconds: float) -> None:
        """Count an answer and the time it took."""
        self.statuses[status] += 1
        self.seconds += seconds
        self._durations[bisect_left(_MILLISECONDS, seconds * 1000)] += 1

    @property
    def requests(self) -> int:
        """How many it has answered."""
        return sum(list(self.statuses.values()))

    @property
    def failed(self) -> int:
        """How many of these have failed."""
        return sum(count for status, count in list(self.statuses.items()) if status >= 500)

    def as_object(self) -> dict[str, Any]:
        """As JSON. `milliseconds` has pairs: an upper bound, null for none, and how many answers took that long."""
        bounds = [*(round(bound, 3) for bound in _MILLISECONDS), None]
        return {
            "revision": self.revision,
            "requests": self.requests,
            "failed": self.failed,
            "unavailable": self.unavailable,
            "milliseconds": [[bounds[index], count] for index, count in enumerate(self._durations) if count],
        }
