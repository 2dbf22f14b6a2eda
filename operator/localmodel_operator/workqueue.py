"""A queue of keys as in client-go: one worker at a time holds a key, which runs again if it was added meanwhile.

A key that fails comes back by itself, after 0.5 to 60 seconds, longer each time, until it succeeds. Keys to which
nothing has happened, however many they are, wait for those to which something has.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from itertools import chain
from typing import Any

Key = tuple[str, str]

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 60.0
_LOOKED_AT_ONCE = 4  # keys to which nothing has happened: all of them share one processor
_MAKES_ROOM_AFTER = 1.0  # seconds: a run that takes longer waits for something, and the others need not

log = logging.getLogger(__name__)


class WorkQueue:
    def __init__(self) -> None:
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._dirty: set[Key] = set()
        self._held: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._passes: dict[Key, asyncio.Task[None]] = {}
        self._patient: dict[Key, None] = {}  # in the order in which they came
        self._looked_at: set[Key] = set()

    def add(self, key: Key) -> None:
        """Run the key as soon as a worker is free."""
        self._patient.pop(key, None)
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

    def look_again(self, key: Key) -> None:
        """Run the key, to which nothing has happened, behind those to which something has."""
        if key not in self._dirty:
            self._patient[key] = None
            self._feed()

    def _feed(self) -> None:
        """Have the next patient keys run: a few at once, and one beside any other run."""
        while self._patient and len(self._looked_at) < (1 if self.is_busy else _LOOKED_AT_ONCE):
            key = next(iter(self._patient))
            self._looked_at.add(key)
            self.add(key)

    @property
    def is_busy(self) -> bool:
        """Whether a key to which something has happened runs, or waits to."""
        return any(key not in self._looked_at for key in chain(self._held, self._dirty))

    def _make_room(self, key: Key) -> None:
        self._looked_at.discard(key)
        self._feed()

    def add_after(self, delay: float, key: Key) -> None:
        """Run the key after `delay` seconds at the latest, unless a run begins before."""
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
            if timer := self._timers.pop(key, None):
                timer.cancel()  # this run finds all that it would have found
            running = self._passes[key] = asyncio.create_task(reconcile(key))
            long = asyncio.get_running_loop().call_later(_MAKES_ROOM_AFTER, self._make_room, key)
            try:
                await asyncio.wait([running])
                if not running.cancelled():
                    running.result()
            except Exception:
                log.exception("%s/%s: will be looked at again", *key)
                self.retry(key)
            finally:
                running.cancel()  # if the worker itself is cancelled
                long.cancel()
                del self._passes[key]
                self._held.discard(key)
                if key in self._dirty:
                    self._ready.put_nowait(key)
                self._make_room(key)
