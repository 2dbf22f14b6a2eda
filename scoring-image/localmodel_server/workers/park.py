"""The previous pool, kept idle for a while so that going back to it starts no process."""

from __future__ import annotations

import asyncio

from localmodel_server.configuration.settings import Settings
from localmodel_server.log import logger
from localmodel_server.workers.free_memory import room_for
from localmodel_server.workers.pool import Pool

_SECONDS_TO_KEEP = 600.0
_SECONDS_BETWEEN_LOOKS = 5.0
# What may differ between a pool's variables and a revision's that it can serve.
_NAMES_ONLY = {"LOCALMODEL_REVISION", "LOCALMODEL_GATE"}


def serves_equally(pool: Pool, settings: Settings) -> bool:
    """Whether a pool's workers equal new ones with these settings, except for the revision's number.

    Only a revision whose content is known (LOCALMODEL_CONTENT) can tell.
    """
    return (
        bool(settings.environment.get("LOCALMODEL_CONTENT"))
        and _essential(pool.settings) == _essential(settings)
        and pool.is_whole
    )


def _content(pool: Pool) -> str:
    return pool.settings.environment.get("LOCALMODEL_CONTENT", "")


def _essential(settings: Settings) -> dict[str, str]:
    return {name: value for name, value in settings.environment.items() if name not in _NAMES_ONLY}


class Park:
    """Keeps at most one pool, for at most ten minutes, while memory is free and the pool is idle.

    Ends pools in the background.
    """

    def __init__(self) -> None:
        self.pool: Pool | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ending: dict[asyncio.Task[None], str] = {}  # with the contents

    @property
    def content(self) -> str | None:
        """LOCALMODEL_CONTENT of the pool; None when there is none."""
        return None if self.pool is None else _content(self.pool)

    @property
    def contents(self) -> list[str]:
        """The contents of all pools that may still read their revision's files."""
        return [*self._ending.values(), *([] if self.pool is None else [_content(self.pool)])]

    def put(self, pool: Pool) -> None:
        """Keep a pool that no longer serves, instead of the one kept before; end it if it could not serve again."""
        self.clear()
        if not pool.is_whole or not _content(pool):
            self.end(pool)
            return
        pool.park()
        self.pool = pool
        self._watch = asyncio.create_task(self._look_after(pool))

    def take(self) -> Pool:
        """Hand the pool over to the caller.

        Raises:
            LookupError: no pool is parked.
        """
        pool = self.pool
        if pool is None:
            raise LookupError("no pool is parked")
        self._forget()
        return pool

    def clear(self) -> None:
        """End the pool."""
        if self.pool is not None:
            self.end(self.pool)
            self._forget()

    def end(self, pool: Pool) -> None:
        """Let a pool's workers finish what they have, and end."""
        pool.drain()
        task = asyncio.create_task(pool.wait())
        self._ending[task] = _content(pool)
        task.add_done_callback(self._ending.pop)

    async def settle(self) -> None:
        """Wait until every pool that is to end has ended."""
        if self._ending:
            await asyncio.wait(set(self._ending))

    async def _look_after(self, pool: Pool) -> None:
        """End the pool when it is not idle, its time is up, or its memory is needed: as much must be free beside it.

        What its script has started would go on beside the same of the revision that serves. Asked again and again: a
        signal or a library may have started something since.
        """
        needed = await asyncio.to_thread(pool.private_bytes)
        why = "its time is up"
        for _ in range(int(_SECONDS_TO_KEEP / _SECONDS_BETWEEN_LOOKS)):
            if at_work := await pool.background():
                why = f"{at_work} would go on"
                break
            short = await asyncio.to_thread(room_for, needed)
            if short is not None:
                why = short
                break
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        logger.info("revision %r is no longer kept to go back to: %s", pool.settings.revision, why)
        self.clear()

    def _forget(self) -> None:
        self.pool = None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
