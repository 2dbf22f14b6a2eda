"""The result of a measurement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A client that computes for more of the time than this may be slower than the server.
_BUSY = 0.85


@dataclass(frozen=True)
class Result:
    """The figures of a measurement. Durations are in seconds, or None without an answer.

    `errors` counts requests with a status of 400 or more, or without an answer; `kinds` counts them by kind.
    `client_is_limit` says that the client itself was too busy to send more.
    """

    clients: int
    requests: int
    errors: int
    seconds: float
    requests_per_second: float
    p50_seconds: float | None
    p90_seconds: float | None
    p99_seconds: float | None
    max_seconds: float | None
    kinds: Mapping[str, int]
    client_is_limit: bool


def summary(durations: Sequence[float], errors: Mapping[str, int], passed: float, clients: int, cpu: float) -> Result:
    """Sum up a measurement of `passed` seconds, in `cpu` of which this process computed."""
    ordered = sorted(durations)
    return Result(
        clients=clients,
        requests=len(ordered),
        errors=sum(errors.values()),
        seconds=round(passed, 3),
        requests_per_second=round(len(ordered) / passed, 1) if passed else 0.0,
        p50_seconds=_percentile(ordered, 50),
        p90_seconds=_percentile(ordered, 90),
        p99_seconds=_percentile(ordered, 99),
        max_seconds=round(ordered[-1], 6) if ordered else None,
        kinds=dict(sorted(errors.items(), key=lambda kind: -kind[1])),
        client_is_limit=cpu > _BUSY * passed,
    )


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The shortest duration that this percentage of all does not exceed."""
    if not ordered:
        return None
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return round(ordered[rank - 1], 6)
