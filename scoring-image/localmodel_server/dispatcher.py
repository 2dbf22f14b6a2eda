"""Gives requests to workers: a bounded line of waiting requests in front of the current pool."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from localmodel_server.pool import Pool
from localmodel_server.worker_process import WorkerProcess

WAITING_PER_WORKER = 100


class Unavailable(Exception):
    """No worker can take the request now; the text says why. Trying again later may succeed."""


class Lease(NamedTuple):
    """The use of a worker for one request; it must be released."""

    pool: Pool
    worker: WorkerProcess

    def release(self) -> None:
        """Give the worker back to the pool it came from, current or not."""
        self.pool.give_back(self.worker)


class Dispatcher:
    """Hands free workers of the current revision's pool to requests, in the order in which they came."""

    def __init__(self) -> None:
        self.pool: Pool | None = None
        self.load_error: str | None = None  # why there is no pool
        self._waiting: dict[asyncio.Future[Lease], None] = {}

    def switch(self, pool: Pool) -> Pool | None:
        """Make pool the current one in a single step, waiting requests included; returns the old one, draining."""
        old, self.pool = self.pool, pool
        if old is not None:
            old.on_change = lambda: None
            old.drain()
        pool.on_change = self._serve_waiting
        self._serve_waiting()
        return old

    def unready_reason(self) -> str | None:
        """Why no revision can answer, or None when one can."""
        if self.pool is None:
            return self.load_error or "the revision is loading: init() has not returned yet"
        if self.pool.alive == 0:
            return self.pool.failure or "the worker process died and is being restarted"
        return None

    def check_room(self) -> Pool:
        """The current pool; raises Unavailable when a request would be refused now."""
        if self.pool is None:
            raise Unavailable(self.unready_reason() or "")
        if self.pool.alive == 0 and self.pool.failure is not None:
            raise Unavailable(self.pool.failure)
        limit = WAITING_PER_WORKER * self.pool.settings.worker_count
        if len(self._waiting) >= limit:
            raise Unavailable(f"all workers are busy and {limit} requests wait already")
        return self.pool

    def take(self) -> Lease | None:
        """A free worker, or None; raises Unavailable."""
        pool = self.check_room()
        return None if self._waiting else _lease(pool)

    async def wait_for_worker(self, gone: asyncio.Future[None]) -> Lease | None:
        """Wait in line for a worker; None when `gone` is done first. Raises Unavailable."""
        pool = self.check_room()
        place: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        self._waiting[place] = None
        seconds = pool.settings.scoring_timeout_ms / 1000
        try:
            either: set[asyncio.Future[Any]] = {place, gone}
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._leave(place)
            raise
        if gone.done():
            self._leave(place)
            return None
        if place.done():
            return place.result()
        self._leave(place)
        raise Unavailable(f"no worker became free within {seconds:g} s")

    def _leave(self, place: asyncio.Future[Lease]) -> None:
        self._waiting.pop(place, None)
        if place.done() and place.exception() is None:
            place.result().release()

    def _serve_waiting(self) -> None:
        if self.pool is None:
            return
        while self._waiting:
            if self.pool.alive == 0 and self.pool.failure is not None:
                self._next_place().set_exception(Unavailable(self.pool.failure))
                continue
            lease = _lease(self.pool)
            if lease is None:
                return
            self._next_place().set_result(lease)

    def _next_place(self) -> asyncio.Future[Lease]:
        place = next(iter(self._waiting))
        del self._waiting[place]
        return place


def _lease(pool: Pool) -> Lease | None:
    worker = pool.take()
    return None if worker is None else Lease(pool, worker)
