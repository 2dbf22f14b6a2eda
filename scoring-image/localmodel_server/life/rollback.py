"""Goes back to the previous revision when a switch makes requests fail, where no operator does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from localmodel_server.error_rate import ErrorRate, is_bad

_SECONDS_TO_WATCH = 60.0
_SECONDS_BETWEEN_LOOKS = 0.25


class ErrorRateRollback:
    """Calls `go_back` with the reason when the new revision fails more than the previous one."""

    def __init__(self, error_rate: ErrorRate, go_back: Callable[[str], object]) -> None:
        self._error_rate = error_rate
        self._go_back = go_back
        self._task: asyncio.Task[None] | None = None

    def watch(self) -> None:
        """Watch the answers of the revision that has just been switched to, for a minute."""
        self.stop()
        self._task = asyncio.create_task(self._watch())

    def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while (since := self._error_rate.since).seconds < _SECONDS_TO_WATCH:
            before = self._error_rate.before
            if is_bad(before, since):
                self._go_back(
                    f"{since.failed} of {since.requests} requests have failed since the switch, "
                    f"and {before.failed} of {before.requests} in the last minute before it"
                )
                return
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
