"""Telling for how long something has gone on: rarely, so that a log stays short."""

import time
from collections.abc import Callable

_SECONDS = (5, 15, 30, 60)


class SoFar:
    """`tell` is told what goes on with the seconds that have passed since now: `what`, after 5 s."""

    def __init__(self, tell: Callable[[str], None], what: str) -> None:
        self._tell, self._what = tell, what
        self._begun = time.monotonic()
        self._next = _SECONDS[0]

    def look(self, more: str = "") -> None:
        """Tell, if it is time; `more` is put behind it."""
        if time.monotonic() - self._begun >= self._next:
            self._tell(f"{self._what}, after {self._next} s{more}")
            self._next = after(self._next)


def after(seconds: int) -> int:
    """When it is told next."""
    return next((each for each in _SECONDS if each > seconds), seconds + 60)
