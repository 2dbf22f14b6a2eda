"""Describes the share of failing requests, in words that change only if the share changes much."""

from collections.abc import Iterable

from localmodel_operator.pods.pod_state import PodState

# The shares that are named: one in this many.
_SHARES = (1, 2, 4, 10, 20)
_FEWEST_FAILED = 3
# The words stay while the share is within this factor of what they say.
_STAYS_WITHIN = 2.0


def describe(states: Iterable[PodState], number: int, before: str) -> str:
    """A sentence on the share of the last minute's requests to the revision that fails, or "" if next to none does.

    `before` begins with the last such sentence. Answers with a status of 500 or more have failed.
    """
    states = list(states)
    requests = sum(state.recent.get("requests", 0) for state in states)
    failed = sum(state.recent.get("failed", 0) for state in states)
    if not failed or not requests:
        return ""
    one_in = requests / failed
    for share in _SHARES:
        words = _words(share, number)
        if before.startswith(words) and share / _STAYS_WITHIN < one_in < share * _STAYS_WITHIN:
            return words
    nearest = min(_SHARES, key=lambda share: max(share / one_in, one_in / share))
    if failed < _FEWEST_FAILED or one_in > nearest * _STAYS_WITHIN:
        return ""
    return _words(nearest, number)


def _words(share: int, number: int) -> str:
    which = "nearly every request" if share == 1 else f"about 1 in {share} requests"
    return f"{which} to revision {number} fails; lmd logs says why"
