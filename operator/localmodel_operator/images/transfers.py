"""Transfers of images to nodes or registries, which outlive the pass that begins them, and rest after a failure."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from localmodel.engine.nodes import NodeError
from localmodel.errors import UserError
from localmodel_operator.images import sweep_lock

log = logging.getLogger(__name__)

_FIRST_REST, _LONGEST_REST = 1.0, 60.0  # seconds

Key = tuple[str, str]  # a place, and the image that is sent to it
Send = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class _Failure:
    why: str
    count: int
    until: float  # of the monotonic clock


@dataclass(frozen=True)
class TransferState:
    """The progress of transfers: places under way, places that failed with the cause, and when to try again."""

    on_the_way: frozenset[str]
    failed: Mapping[str, str]
    again_after: float | None


class Transfers:
    """Transfers by place and image. They hold `lock`, so that no sweep removes what they read."""

    def __init__(self, lock: Path, patience: float = 3.0) -> None:
        """Wait at most `patience` seconds for begun transfers."""
        self._lock, self._patience = lock, patience
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._failures: dict[Key, _Failure] = {}

    async def begin(self, what: str, sends: Mapping[str, Send], done: Callable[[], None]) -> TransferState:
        """Send to every place except those with a transfer under way and those that rest.

        Returns when all have ended, or after the patience; `done` is called at each later end.
        """
        for place, send in sends.items():
            key = (place, what)
            if key not in self._tasks and not self._rests(key):
                self._tasks[key] = asyncio.create_task(self._run(key, send))
        running = {place: self._tasks[place, what] for place in sends if (place, what) in self._tasks}
        if running:
            await asyncio.wait(running.values(), timeout=self._patience)
        late = {place for place, task in running.items() if not task.done()}
        for place in late:
            running[place].add_done_callback(lambda _: done())
        failures = {place: self._failures[place, what] for place in sends if (place, what) in self._failures}
        soonest = min((failure.until for failure in failures.values()), default=None)
        return TransferState(
            frozenset(late),
            {place: failure.why for place, failure in failures.items() if place not in late},
            None if soonest is None else max(soonest - time.monotonic(), 0.1),
        )

    def wake(self) -> None:
        """End the rest of failed transfers."""
        self._failures = {key: _Failure(failure.why, 0, 0.0) for key, failure in self._failures.items()}

    def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()

    def _rests(self, key: Key) -> bool:
        failure = self._failures.get(key)
        return failure is not None and time.monotonic() < failure.until

    async def _run(self, key: Key, send: Send) -> None:
        try:
            async with sweep_lock.shared(self._lock):
                await send()
            self._failures.pop(key, None)
        except (NodeError, UserError) as error:
            self._failed(key, str(error))
        except Exception as error:
            log.exception("%s: %s", *key)
            self._failed(key, f"{type(error).__name__}: {error}")
        finally:
            del self._tasks[key]

    def _failed(self, key: Key, why: str) -> None:
        count = self._failures[key].count + 1 if key in self._failures else 1
        rest = min(_FIRST_REST * 2 ** (count - 1), _LONGEST_REST)
        self._failures[key] = _Failure(why, count, time.monotonic() + rest)
