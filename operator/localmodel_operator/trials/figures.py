"""What servers have counted of two revisions side by side, read without trusting it, and added up over pods."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

_MOST = 2**53
_MOST_TIMES = 1000
_LONGEST = 200


@dataclass(frozen=True)
class Counts:
    """The answers of one revision. `milliseconds`: an upper bound, and how many answers took that long."""

    requests: int = 0
    failed: int = 0
    milliseconds: tuple[tuple[float, int], ...] = ()

    @property
    def share_failed(self) -> float:
        return self.failed / self.requests if self.requests else 0.0

    def slowest_tenth(self) -> float:
        """How long the fastest of the slowest tenth took, in milliseconds; 0 without answers."""
        left = sum(count for _, count in self.milliseconds) * 0.9
        for bound, count in sorted(self.milliseconds):
            left -= count
            if left <= 0:
                return bound
        return 0.0


@dataclass(frozen=True)
class Seen:
    """What both revisions have answered, and how many of the candidate's answers were `compared`, and `changed`.

    `seconds` is how long it was tried so, in the pod that did longest.
    """

    serving: Counts = Counts()
    candidate: Counts = Counts()
    compared: int = 0
    changed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Reported:
    """What a pod says of a trial: how it goes there, as at /trial, and what was seen in it."""

    told: Mapping[str, Any]
    seen: Seen


def read(value: Any) -> Reported:
    """What a server reports.

    Raises:
        ValueError: it is something else; the text names the field.
    """
    if not isinstance(value, dict):
        raise ValueError("trial is not an object")
    told = {name: _word(value.get(name), name) for name in ("role", "sticky", "force")}
    percent: Any = value.get("percent")
    seconds: Any = value.get("seconds")
    if type(seconds) not in (int, float) or not 0 <= seconds <= _MOST:
        raise ValueError("trial.seconds is not a time")
    if type(percent) not in (int, float) or not 0 <= percent <= 100:
        raise ValueError("trial.percent is not a share")
    copies = value.get("copies") or {}
    if not isinstance(copies, dict):
        raise ValueError("trial.copies is not an object")
    same, changed = (_count(copies.get(name, 0), name) for name in ("same", "changed"))
    seen = Seen(_counts(value.get("serving")), _counts(value.get("candidate")), same + changed, changed, seconds)
    return Reported({**told, "percent": percent}, seen)


def together(reports: Iterable[Seen]) -> Seen:
    """What several pods have seen."""
    reports = list(reports)
    return Seen(
        _sum(each.serving for each in reports),
        _sum(each.candidate for each in reports),
        sum(each.compared for each in reports),
        sum(each.changed for each in reports),
        max((each.seconds for each in reports), default=0.0),
    )


def _sum(counts: Iterable[Counts]) -> Counts:
    counts, times = list(counts), Counter[float]()
    for each in counts:
        times.update(dict(each.milliseconds))
    return Counts(sum(each.requests for each in counts), sum(each.failed for each in counts), tuple(times.items()))


def _counts(value: Any) -> Counts:
    if not isinstance(value, dict):
        raise ValueError("trial.serving or trial.candidate is not an object")
    requests, failed, unavailable = (_count(value.get(name), name) for name in ("requests", "failed", "unavailable"))
    times = value.get("milliseconds")
    if not isinstance(times, list) or len(times) > _MOST_TIMES:
        raise ValueError("trial.milliseconds is not a short list")
    # What it should have answered, and another revision had to, is as bad as a failure.
    return Counts(requests + unavailable, failed + unavailable, tuple(map(_time, times)))


def _time(pair: Any) -> tuple[float, int]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise ValueError("trial.milliseconds has something else than pairs")
    bound = inf if pair[0] is None else pair[0]
    if type(bound) not in (int, float) or not bound >= 0 or not (isfinite(bound) or pair[0] is None):
        raise ValueError("trial.milliseconds has a bound that is not a time")
    return float(bound), _count(pair[1], "milliseconds")


def _count(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"trial.{name} is not a count")
    return value


def _word(value: Any, name: str) -> str:
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST):
        raise ValueError(f"trial.{name} is not a short text")
    return value or ""
