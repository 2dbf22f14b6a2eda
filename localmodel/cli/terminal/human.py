"""Times and durations for people."""

from datetime import UTC, datetime

_UNITS = ((86400 * 365, "y"), (86400 * 30, "mo"), (86400, "d"), (3600, "h"), (60, "min"))


def ago(moment: str, now: datetime | None = None) -> str:
    """How long ago a time in RFC 3339 was, as in `2 min ago`; the text itself if it is not a time."""
    try:
        passed = ((now or datetime.now(UTC)) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):  # the latter for a time without a zone
        return moment
    for seconds, unit in _UNITS:
        if passed >= seconds:
            return f"{int(passed // seconds)} {unit} ago"
    return f"{max(0, int(passed))} s ago"


def duration(seconds: float) -> str:
    """The duration, as in `2.1 ms` or `3.0 s`."""
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
