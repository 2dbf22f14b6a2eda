"""Starts workers by forking a process that has their packages in memory already, where that is safe."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import time
from collections.abc import Collection, Iterable
from typing import NamedTuple

from localmodel_server.configuration.settings import Settings
from localmodel_server.log import logger
from localmodel_server.workers.forked_worker import NotForkedError, ParentProcess, start_forked
from localmodel_server.workers.free_memory import NoRoomError, anonymous_bytes, private_bytes, room_for
from localmodel_server.workers.likely_imports import LikelyImport, likely_imports
from localmodel_server.workers.worker_process import LoadError, WorkerProcess

# A forked worker has this long, and what a spawned one took three times over. Nobody knows what a first one takes: it
# has as long as it does something.
_SECONDS_TO_LOAD = 5.0
_LOADS = 3.0
_SECONDS_TO_WAIT = 1.0
# Imports take as long again in a parent, and longer where the CPU is needed for requests; this is for ever.
_SECONDS_TO_IMPORT = 60.0
_SECONDS_TO_IMPORT_AHEAD = 600.0
_IMPORTS = 10.0
# Where less is free, a first worker is alone: a parent costs some of it, and is not needed before the next revision.
_ROOM_FOR_A_FIRST = 256 << 20
# One that has ended by itself is started again after so many seconds more each time, until it has forked something;
# one that does not survive its imports, only so many times.
_SECONDS_BETWEEN_STARTS = 1.0
_LONGEST_BETWEEN_STARTS = 30.0
_MOST_STARTS = 3
_PR_SET_CHILD_SUBREAPER = 36


class _ParentSpec(NamedTuple):
    """What a parent has to match, and to import; `ahead` before there is any worker."""

    settings: Settings
    installed: list[str]
    imported: list[str]
    workers: list[int]  # a process that it does again what that one did, or none
    ahead: list[LikelyImport]


class WarmParents:
    """Keeps at most one parent: of the interpreter and with the variables of the revision that serves."""

    def __init__(self) -> None:
        self._parent: ParentProcess | None = None
        self._why_none = "there is no warm parent yet"
        self._like: _ParentSpec | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()  # whether the parent can fork is known
        self._has_begun = False
        self._seconds_ahead = 0.0  # that the imports took before the first worker
        self._spawn_seconds = 0.0
        self._distrusted: set[str] = set()  # interpreters
        self._is_able = _can_adopt()

    async def begin(self, settings: Settings) -> None:
        """Before the first workers: have a parent import what they will, so that it is imported once, and shared."""
        if self._has_begun:
            return
        self._has_begun = True
        if (
            not self._is_able
            or is_special(settings)
            or await asyncio.to_thread(room_for, _ROOM_FOR_A_FIRST) is not None
        ):
            return
        started = time.monotonic()
        ahead = await asyncio.to_thread(likely_imports, settings)
        if ahead:
            named = [name for item in ahead if item.is_named for name in item.full_names]
            self._replace(_ParentSpec(settings, [], named, [], ahead), "there is no warm parent yet")
            await self._tried.wait()
            self._seconds_ahead = time.monotonic() - started

    async def start_worker(self, settings: Settings, is_candidate: bool) -> WorkerProcess:
        """A worker whose init() has returned, forked or else spawned.

        A candidate's, which other workers serve beside, is not spawned where only a fork has room: NoRoomError.

        Raises:
            LoadError
        """
        limit = _SECONDS_TO_LOAD + _LOADS * self._spawn_seconds
        try:
            worker = await self._fork(settings, limit if self._spawn_seconds else None)
            self._spawn_seconds = self._spawn_seconds or self._seconds_ahead + worker.seconds_to_load
            return worker
        except NotForkedError as refusal:
            why = refusal
        if is_candidate:
            await self._make_room(settings.worker_count)
        worker = await WorkerProcess.start(settings)
        worker.why_not_forked, worker.wants_new_parent = str(why), why.renew
        self._spawn_seconds = worker.seconds_to_load
        # A process of its own that takes as long was not slow because of a fork.
        if why.suspicious and worker.seconds_to_load < limit:
            self.distrust(str(why))
        return worker

    def follow(self, settings: Settings, workers: Collection[WorkerProcess]) -> None:
        """Start or refresh, in the background, a parent that has imported what these serving workers have."""
        if not self._is_able or is_special(settings) or settings.python in self._distrusted or not workers:
            return
        installed, imported = _united(workers, "installed"), _united(workers, "imported")
        like = _ParentSpec(settings, installed, imported, [next(iter(workers)).pid], [])
        current = self._like
        renew = any(worker.wants_new_parent for worker in workers)
        if current is None or current.settings.python != settings.python or renew:
            self._replace(like, "there is no warm parent yet")
        elif self._parent is not None and any(name not in self._parent.modules for name in installed):
            self._parent.preload(installed, imported)
            # For the one that takes its place, should it end.
            self._like = current._replace(
                installed=list(dict.fromkeys([*current.installed, *installed])),
                imported=list(dict.fromkeys([*current.imported, *imported])),
            )

    def judge(self, worker: WorkerProcess) -> None:
        """Learn from a worker that has ended: losing one with its first request may be the fork's fault."""
        if not worker.lost_first_request:
            return
        if worker.how == "fork":
            self.distrust(f"a forked worker was lost with its first request: {worker.exit_description()}")
        else:
            self._distrusted.clear()  # it is the script that does it

    def distrust(self, why: str) -> None:
        """Stop forking this parent, and any other parent of the same environment."""
        if self._like is not None:
            logger.warning("no more workers are forked: %s", why)
            self._distrusted.add(self._like.settings.python)
            self._replace(None, why)

    async def close(self) -> None:
        """End the parent; the workers that it has forked stay."""
        keeper = self._keeper
        self._replace(None, "the server stops")
        if keeper is not None:
            await asyncio.wait({keeper})

    async def _fork(self, settings: Settings, limit: float | None) -> WorkerProcess:
        if not self._is_able:
            raise NotForkedError("this system cannot fork workers safely")
        if is_special(settings):
            raise NotForkedError("with a debugger it has a process of its own")
        parent = self._parent
        if parent is None or not parent.usable:
            raise NotForkedError(self._why_none)
        if parent.settings.python != settings.python:
            raise NotForkedError("the interpreter has changed")
        # It may be at it; a process of its own would not be faster.
        await parent.wait_until_warm(max(_SECONDS_TO_WAIT, self._spawn_seconds))
        return await start_forked(parent, settings, limit)

    async def _make_room(self, workers: int) -> None:
        """Free memory for workers that do not share the parent's: end the parent, or raise."""
        parent = self._parent
        if parent is None:
            return
        needed = await asyncio.to_thread(anonymous_bytes, parent.pid) * workers
        short = room_for(needed)
        if short is None:
            return
        self._replace(None, f"there was no room for a warm parent: {short}")
        await parent.wait()
        short = room_for(needed)
        if short is not None:
            raise NoRoomError(f"no room for workers that are not forked: {short}")

    def _replace(self, like: _ParentSpec | None, why_none: str) -> None:
        self._like, self._parent, self._why_none = like, None, why_none
        if self._keeper is not None:
            self._keeper.cancel()
        self._tried = asyncio.Event()
        self._keeper = None if like is None else asyncio.create_task(self._keep(self._tried))

    async def _keep(self, tried: asyncio.Event) -> None:
        """Keep a parent running until this is cancelled or none can be started."""
        try:
            await self._keep_one(tried)
        finally:
            tried.set()

    async def _keep_one(self, tried: asyncio.Event) -> None:
        failures = 0
        is_warm = False
        while is_warm or failures < _MOST_STARTS:
            await asyncio.sleep(min(failures * _SECONDS_BETWEEN_STARTS, _LONGEST_BETWEEN_STARTS))
            like = self._like
            parent = None if like is None else await self._start(like)
            if like is None or parent is None:
                return
            limit = _SECONDS_TO_IMPORT + _IMPORTS * self._spawn_seconds
            try:
                self._parent = parent
                await parent.wait_until_warm(_SECONDS_TO_IMPORT_AHEAD if like.ahead else limit)
                is_warm = parent.usable
                if is_warm:
                    tried.set()
                    logger.info("%s", _prospect(parent))
                await parent.wait()
                if parent.serves:
                    self._why_none = parent.serves  # another one with the same packages could not fork either
                    return
            except NotForkedError as error:
                self._why_none = str(error)
                return
            finally:
                self._forget(parent)
                await parent.wait()
            self._why_none = f"the warm parent has ended: {parent.exit_description()}"
            tried.set()
            logger.warning("%s", self._why_none)
            failures = 0 if parent.has_forked else failures + 1

    def _forget(self, parent: ParentProcess) -> None:
        parent.close()
        if self._parent is parent:
            self._parent = None

    async def _start(self, like: _ParentSpec) -> ParentProcess | None:
        why = await asyncio.to_thread(lambda: room_for(private_bytes(like.workers)))
        if why is not None:
            self._why_none = f"there is no room for a warm parent: {why}"
            logger.info("no warm parent is started: %s", why)
            return None
        try:
            parent = await ParentProcess.start(like.settings)
        except LoadError as error:
            logger.warning("no warm parent: %s", error)
            return None
        parent.preload(like.installed, like.imported, like.ahead)
        return parent


def _prospect(parent: ParentProcess) -> str:
    if parent.refuses:
        return f"the next revision is not forked: {parent.refuses}"
    return "the next revision can be forked: what it may import is in memory"


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
