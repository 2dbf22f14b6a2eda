"""Reports how long something has taken so far, at growing intervals, so that a log stays short."""

import time
from collections.abc import Callable

_SECONDS = (5, 15, 30, 60)


class SoFar:
    """Calls `tell` with `what` and the seconds since its creation, such as "`what`, after 5 s"."""

    def __init__(self, tell: Callable[[str], None], what: str) -> None:
        self._tell, self._what = tell, what
        self._begun = time.monotonic()
        self._next = _SECONDS[0]

    def look(self, more: str = "") -> None:
        """Report if it is time, with `more` appended."""
        if time.monotonic() - self._begun >= self._next:
            self._tell(f"{self._what}, after {self._next} s{more}")
            self._next = after(self._next)


def after(seconds: int) -> int:
    """The second of the next report."""
    return next((second for second in _SECONDS if second > seconds), seconds + 60)
