"""Judges whether a revision fails requests that the previous one answered."""

from collections.abc import Iterable
from dataclasses import dataclass

from localmodel_operator.pods.pod_state import PodState

WATCHED_FOR = 60.0  # seconds after a switch
# A revision is on trial until it has answered this many requests, or for this many seconds. No pod is replaced before,
# so that the workers of the previous revision still live, and going back is quick.
TRIAL_REQUESTS = 10
TRIAL_SECONDS = 2.0

_BAD_SHARE = 0.5


@dataclass(frozen=True)
class _Counts:
    """The counts of all pods that have switched lately, with the `seconds` since the last switch, and the time that was
    counted before it, which is the longest of all pods.
    """

    requests: float
    failed: float
    requests_before: float
    failed_before: float
    seconds: float
    seconds_before: float

    @property
    def can_be_compared(self) -> bool:
        """Whether the previous revision had requests, too; otherwise the requests themselves may be wrong."""
        return self.requests_before >= TRIAL_REQUESTS

    @property
    def is_worse(self) -> bool:
        if not self.can_be_compared or not self.requests or self.failed < _BAD_SHARE * self.requests:
            return False
        return self.failed_before / self.requests_before < self.failed / self.requests / 2


def verdict(states: Iterable[PodState]) -> str:
    """A sentence on what speaks against the revision that these pods serve, or ""."""
    counts = _counted(states)
    if counts.requests < TRIAL_REQUESTS or not counts.is_worse:
        return ""
    return (
        f"{counts.failed:.0f} of the first {counts.requests:.0f} requests failed, "
        f"and of the {counts.requests_before:.0f} before it {counts.failed_before:.0f}"
    )


def on_trial(states: Iterable[PodState]) -> bool:
    """Whether the revision has answered too few requests for a verdict, which may still come."""
    counts = _counted(states)
    return counts.can_be_compared and counts.requests < TRIAL_REQUESTS and counts.seconds < TRIAL_SECONDS


def is_busy(states: Iterable[PodState]) -> bool:
    """Whether so many requests come that the verdict is there before a pod that starts now could replace another."""
    counts = _counted(states)
    return counts.requests_before >= TRIAL_REQUESTS / TRIAL_SECONDS * max(counts.seconds_before, 1.0)


def looks_bad(states: Iterable[PodState]) -> bool:
    """Whether its answers so far, even if few, speak against it."""
    return _counted(states).is_worse


def is_watched(states: Iterable[PodState]) -> bool:
    """Whether a verdict may still change."""
    return any(map(_is_new, states))


def _counted(states: Iterable[PodState]) -> _Counts:
    new = [state for state in states if _is_new(state)]

    def total(name: str, *, before: bool = False) -> float:
        return sum((state.before_switch if before else state.since_switch).get(name, 0) for state in new)

    return _Counts(
        total("requests"),
        total("failed"),
        total("requests", before=True),
        total("failed", before=True),
        min((state.since_switch.get("seconds", WATCHED_FOR) for state in new), default=WATCHED_FOR),
        max((state.before_switch.get("seconds", WATCHED_FOR) for state in new), default=WATCHED_FOR),
    )


def _is_new(state: PodState) -> bool:
    return bool(state.before_switch) and state.since_switch.get("seconds", WATCHED_FOR) < WATCHED_FOR
