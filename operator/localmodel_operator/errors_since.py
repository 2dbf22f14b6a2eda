"""Whether a revision fails requests that the one before it answered."""

from collections.abc import Iterable

from localmodel_operator.pod_state import PodState

WATCHED_FOR = 60.0  # seconds after a switch
_LEAST_REQUESTS = 10
_BAD_SHARE = 0.5


def verdict(states: Iterable[PodState]) -> str:
    """What speaks against the revision that all these pods serve, or an empty string.

    Without requests to the revision before it there is nothing to compare with: the requests may be what is wrong.
    """
    requests = failed = requests_before = failed_before = 0.0
    for state in states:
        if not state.before_switch or state.since_switch.get("seconds", WATCHED_FOR) >= WATCHED_FOR:
            continue
        requests += state.since_switch.get("requests", 0)
        failed += state.since_switch.get("failed", 0)
        requests_before += state.before_switch.get("requests", 0)
        failed_before += state.before_switch.get("failed", 0)
    if min(requests, requests_before) < _LEAST_REQUESTS or failed < _BAD_SHARE * requests:
        return ""
    if failed_before / requests_before >= failed / requests / 2:
        return ""
    return (
        f"{failed:.0f} of the first {requests:.0f} requests failed, "
        f"and of the {requests_before:.0f} before it {failed_before:.0f}"
    )


def is_watched(states: Iterable[PodState]) -> bool:
    """Whether a verdict may still change."""
    return any(state.before_switch and state.since_switch.get("seconds", WATCHED_FOR) < WATCHED_FOR for state in states)
