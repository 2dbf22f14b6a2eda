"""A queue of keys as in client-go: one worker at a time holds a key, which runs again if it was added meanwhile.

A key that fails comes back by itself, after 0.5 to 60 seconds, longer each time, until it succeeds.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any

Key = tuple[str, str]

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 60.0

log = logging.getLogger(__name__)


class WorkQueue:
    def __init__(self) -> None:
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._dirty: set[Key] = set()
        self._held: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._passes: dict[Key, asyncio.Task[None]] = {}

    def add(self, key: Key) -> None:
        """Run the key as soon as a worker is free."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._held:
            self._ready.put_nowait(key)

    def overtake(self, key: Key) -> None:
        """Run the key anew, and cancel its current run."""
        self.add(key)
        if running := self._passes.get(key):
            running.cancel()

    def add_after(self, delay: float, key: Key) -> None:
        """Run the key after `delay` seconds at the latest."""
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer and not timer.cancelled() and timer.when() <= loop.time() + delay:
            return
        if timer:
            timer.cancel()
        self._timers[key] = loop.call_later(delay, self._due, key)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def retry(self, key: Key) -> None:
        """Run the key again, after a delay that grows with the failures in a row."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(_FIRST_DELAY * 2 ** (count - 1), _LONGEST_DELAY)
        self.add_after(delay * random.uniform(0.8, 1.2), key)  # noqa: S311 - spreads load, guards nothing

    def forgive(self, key: Key) -> None:
        """Forget the key's failures."""
        self._failures.pop(key, None)

    async def work(self, reconcile: Callable[[Key], Coroutine[Any, Any, None]]) -> None:
        """Run a worker until it is cancelled; an exception is logged, and the key retried."""
        while True:
            key = await self._ready.get()
            self._dirty.discard(key)
            self._held.add(key)
            running = self._passes[key] = asyncio.create_task(reconcile(key))
            try:
                await asyncio.wait([running])
                if not running.cancelled():
                    running.result()
            except Exception:
                log.exception("%s/%s: will be looked at again", *key)
                self.retry(key)
            finally:
                running.cancel()  # if the worker itself is cancelled
                del self._passes[key]
                self._held.discard(key)
                if key in self._dirty:
                    self._ready.put_nowait(key)
