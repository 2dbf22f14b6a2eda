"""Starts workers by forking a process that has their packages in memory already, where that is safe."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Iterable

from localmodel_server.forked_worker import NotForked, ParentProcess, start_forked
from localmodel_server.headroom import private_bytes, room_for
from localmodel_server.log import logger
from localmodel_server.settings import Settings
from localmodel_server.worker_process import LoadError, WorkerProcess

# A forked worker has this long, and what a spawned one took three times over.
_SECONDS_TO_LOAD = 5.0
_LOADS = 3.0
_PR_SET_CHILD_SUBREAPER = 36


class WarmParents:
    """Keeps at most one parent: of the interpreter and with the variables of the revision that serves."""

    def __init__(self) -> None:
        self._parent: ParentProcess | None = None
        self._starting: asyncio.Task[None] | None = None
        self._spawn_seconds = 0.0
        self._outdated = False  # another parent would do better
        self._distrusted: dict[str, str] = {}  # interpreters that are not forked any more, and why
        self._ending: set[asyncio.Task[None]] = set()
        self._is_able = _can_adopt()

    async def start_worker(self, settings: Settings) -> tuple[WorkerProcess, str]:
        """A worker whose init() has returned, and why it was not forked, in words; raises LoadError."""
        try:
            return await self._fork(settings), ""
        except NotForked as refusal:
            why = refusal
        worker = await WorkerProcess.start(settings)
        self._spawn_seconds = worker.seconds_to_load
        self._outdated = self._outdated or why.renew
        if why.suspicious and worker.seconds_to_load < self._limit:
            self.distrust(settings.python, str(why))
        return worker, str(why)

    def distrust(self, python: str, why: str) -> None:
        """Fork no more workers of this interpreter."""
        logger.warning("workers are not forked any more: %s", why)
        self._distrusted[python] = why
        self._let_go()

    def follow(self, settings: Settings, workers: Iterable[WorkerProcess]) -> None:
        """Have a parent that knows what these workers, which serve now, have imported; it comes in its own time."""
        if not self._is_able or is_special(settings) or settings.python in self._distrusted:
            return
        workers = list(workers)
        installed = _united(workers, "installed")
        imported = _united(workers, "imported")
        parent = self._parent
        if parent is not None and parent.usable and parent.python == settings.python and not self._outdated:
            if any(name not in parent.modules for name in installed):
                parent.preload(installed, imported)
            return
        why = room_for(private_bytes([worker.pid for worker in workers[:1]]))
        if why is not None:
            logger.info("no warm parent is started: %s", why)
            return
        self._let_go()
        self._starting = asyncio.create_task(self._start(settings, installed, imported))

    async def close(self) -> None:
        """End the parent; the workers that it has forked stay."""
        self._let_go()
        if self._ending:
            await asyncio.wait(self._ending)

    @property
    def _limit(self) -> float:
        return _SECONDS_TO_LOAD + _LOADS * self._spawn_seconds

    async def _fork(self, settings: Settings) -> WorkerProcess:
        parent = self._parent
        if settings.python in self._distrusted:
            raise NotForked(self._distrusted[settings.python])
        if is_special(settings):
            raise NotForked("a worker with a debugger has a process of its own")
        if parent is None or not parent.usable:
            raise NotForked("there is no warm parent yet")
        if parent.python != settings.python:
            raise NotForked("the interpreter has changed", renew=True)
        await parent.wait_until_warm(self._spawn_seconds)
        return await start_forked(parent, settings, self._limit)

    async def _start(self, settings: Settings, installed: list[str], imported: list[str]) -> None:
        self._outdated = False
        try:
            parent = await ParentProcess.start(settings)
        except LoadError as error:
            logger.warning("no warm parent: %s", error)
            return
        parent.preload(installed, imported)
        self._parent = parent

    def _let_go(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        parent, self._parent = self._parent, None
        if parent is not None:
            parent.close()
            self._wait_for(parent)

    def _wait_for(self, parent: ParentProcess) -> None:
        task = asyncio.create_task(parent.wait())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def is_special(settings: Settings) -> bool:
    """Whether workers must be processes of their own whatever they import."""
    return settings.debug_port is not None or bool(settings.environment.get("LOCALMODEL_DEBUG"))


def _united(workers: Iterable[WorkerProcess], key: str) -> list[str]:
    return list(dict.fromkeys(name for worker in workers for name in worker.hello.get(key, [])))


def _can_adopt() -> bool:
    """Make this process the next parent of those that a warm parent forks; False where the system cannot.

    Other systems than Linux do not have it, and macOS's own libraries do not survive a fork.
    """
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False
