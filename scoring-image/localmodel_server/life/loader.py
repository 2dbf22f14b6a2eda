"""Loads revisions: the wanted one beside the serving one, its gate, then the switch."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable

from localmodel_server import gate
from localmodel_server.configuration.settings import Settings, SettingsError, read_settings
from localmodel_server.life.debugging import is_debugged
from localmodel_server.life.revision import Candidate, Revision
from localmodel_server.life.status_file import StatusFile
from localmodel_server.log import logger, set_up_logging
from localmodel_server.replay import check as replay
from localmodel_server.state import ServerState
from localmodel_server.workers.free_memory import NoRoomError, room_for
from localmodel_server.workers.park import Park, serves_equally
from localmodel_server.workers.pool import Pool
from localmodel_server.workers.warm_parent import WarmParents
from localmodel_server.workers.worker_process import LoadError


class Loader:
    """Brings revisions into service in two steps, and keeps the previous one to go back to.

    load() does both steps, one load at a time: the latest request wins.
    """

    def __init__(self, state: ServerState, read_wanted: Callable[[], Revision], status_file: StatusFile) -> None:
        self.park = Park()
        self._state = state
        self._dispatcher = state.dispatcher
        self._read_wanted = read_wanted
        self._status_file = status_file
        self._warm = WarmParents()
        self._load: asyncio.Task[bool] | None = None
        self._failure: LoadError | None = None
        self._before: Revision | None = None  # what served before the last switch
        self.on_leave: Callable[[Candidate | None], None] = lambda _: None  # a candidate, or all, are tried no more
        self.on_switch: Callable[[], None] = lambda: None  # another pool serves, and the one before may be parked

    @property
    def failure(self) -> str:
        """Why the last load failed, with a one-word reason in front unless init() itself failed."""
        error = self._failure
        if error is None:
            return "the revision could not be loaded"
        return str(error) if error.reason == "InitFailed" else f"{error.reason}: {error}"

    @property
    def is_loading(self) -> bool:
        """Whether load() is at work."""
        return self._load is not None and not self._load.done()

    def load(self) -> asyncio.Task[bool]:
        """Start to load the wanted revision, in place of a load under way.

        The task's result tells whether the revision serves. It is cancelled when another one takes its place.
        """
        if self._load is not None:
            self._load.cancel()
        self._dispatcher.loading_since = time.monotonic()
        self._load = asyncio.create_task(self._load_wanted())
        return self._load

    async def prepare(self, wanted: Revision) -> Candidate:
        """Load a revision until it could serve, with its gate passed, and captured requests answered as before.

        The caller commits or discards the candidate.

        Raises:
            LoadError
        """
        try:
            settings = read_settings(wanted.environment)
        except SettingsError as error:
            raise LoadError(str(error), reason="SettingsInvalid") from error
        started = time.monotonic()
        pool, origin = await self._find_pool(wanted, settings)
        candidate = Candidate(wanted, pool, origin, {"load": _milliseconds_since(started)})
        started = time.monotonic()
        try:
            await self._prove(candidate)
            await self._replay(candidate, settings)
        except BaseException:
            self.discard(candidate)
            raise
        candidate.milliseconds["gate"] = _milliseconds_since(started)
        return candidate

    def commit(self, candidate: Candidate) -> None:
        """Switch to a candidate in one step on the event loop, and park the previous revision."""
        if self.is_loading and self._load is not asyncio.current_task():
            self._load.cancel()  # type: ignore[union-attr]
        old = self._switch(candidate)
        logger.info("revision %r serves", candidate.revision.number)
        self._status_file.write_success(candidate)
        if old is not None and old is not candidate.pool:
            self._before = Revision(old.settings.environment)
            self._retire(old)
            self.on_switch()

    def discard(self, candidate: Candidate) -> None:
        """Drop a candidate; a pool that was parked is parked again."""
        self.on_leave(candidate)
        if candidate.origin == "parked":
            self.park.put(candidate.pool)
        elif candidate.origin == "shadow":
            candidate.pool.stop()  # nobody waits for its answers
            self.park.end(candidate.pool)
        elif candidate.origin == "new":
            self.park.end(candidate.pool)

    def wake(self, candidate: Candidate) -> None:
        """Have a candidate's workers looked after, as those that serve are."""
        if candidate.origin == "parked":
            candidate.pool.resume(read_settings(candidate.revision.environment))

    def lower_priority(self, candidate: Candidate) -> None:
        """Let all others have the processors first. It is only for a shadow: the priority cannot be raised again."""
        self.wake(candidate)
        candidate.origin = "shadow"
        candidate.pool.lower_priority()

    async def restore_priority(self, candidate: Candidate) -> None:
        """Replace the workers of a candidate that was a shadow by new ones.

        Raises:
            LoadError
        """
        if candidate.origin != "shadow":
            return
        candidate.origin = "ended"
        settings = candidate.pool.settings
        await candidate.pool.close()
        candidate.pool = await Pool.start(settings, self._warm)
        candidate.origin = "new"

    def go_back(self, why: str) -> None:
        """Go back from a bad revision to the previous one: at once if it is parked, otherwise by loading it again."""
        bad, pool, before = self._dispatcher.pool, self.park.pool, self._before
        if bad is None or before is None or self.is_loading or is_debugged(bad.settings.environment):
            return
        if pool is not None and pool.is_whole:
            self._take_back(bad, Candidate(Revision(pool.settings.environment), self.park.take(), "parked"), why)
        else:
            self._load = asyncio.create_task(self._load_before(bad, before, why))

    async def close(self) -> None:
        """End every worker of every revision."""
        if self._load is not None:
            self._load.cancel()
            await asyncio.wait({self._load})
        self.park.clear()
        pool = self._dispatcher.pool
        if pool is not None:
            await pool.close()
        await self.park.settle()
        await self._warm.close()

    async def _load_wanted(self) -> bool:
        revision = ""
        try:
            wanted = self._read_wanted()
            revision = wanted.number
            candidate = await self.prepare(wanted)
        except LoadError as error:
            self._report_failure(revision, error)
        except SettingsError as error:
            self._report_failure(revision, LoadError(str(error), reason="SettingsInvalid"))
        except Exception as error:
            text = f"error in the scoring server: {type(error).__name__}: {error}"
            self._report_failure(revision, LoadError(text, traceback.format_exc(), "ServerError"))
        else:
            self.commit(candidate)
            return True
        return False

    async def _load_before(self, bad: Pool, before: Revision, why: str) -> bool:
        try:
            candidate = await self.prepare(before)
        except LoadError as error:
            logger.error("%s", f"revision {before.number!r} cannot serve again ({why}): {error}")
            return False
        self._take_back(bad, candidate, why)
        return True

    def _take_back(self, bad: Pool, candidate: Candidate, why: str) -> None:
        self._before = None
        self._switch(candidate)
        self.park.end(bad)
        text = f"went back to revision {candidate.revision.number!r}: {why}"
        logger.error("%s", f"revision {bad.settings.revision!r} does not serve: {text}")
        error = LoadError(text, reason="ErrorRate")
        self._status_file.write_failure(candidate.revision.number, bad.settings.revision, error)

    async def _find_pool(self, wanted: Revision, settings: Settings) -> tuple[Pool, str]:
        serving = self._dispatcher.pool
        # A pool that serves cannot be asked a gate's requests beside those of clients.
        if serving is not None and not wanted.gate and serves_equally(serving, settings):
            return serving, "serving"
        if self.park.pool is not None and serves_equally(self.park.pool, settings):
            return self.park.take(), "parked"
        if serving is not None:
            await self._make_room(serving)
        return await Pool.start(settings, self._warm), "new"

    async def _make_room(self, serving: Pool) -> None:
        """Free memory for another revision beside the serving one.

        Raises:
            NoRoomError: there is not enough for one as large as the serving one.
        """
        needed = await asyncio.to_thread(lambda: serving.private_bytes() * 11 // 10)
        if room_for(needed) is not None:
            self.park.clear()
            await self.park.settle()
        reason = room_for(needed)
        if reason is not None:
            raise NoRoomError(f"no room for a second worker: {reason}")

    async def _prove(self, candidate: Candidate) -> None:
        try:
            await gate.run(candidate.revision.gate, candidate.pool)
        except gate.GateFailedError as error:
            if not error.worker_lost or candidate.pool.how != "fork":
                raise
            # Something of the parent's may have been in its way; a process of its own has nothing of it.
            logger.warning("%s; trying again with processes that are not forked", error)
            self.park.end(candidate.pool)
            candidate.origin = "ended"
            settings = candidate.pool.settings
            candidate.pool = await Pool.start(settings)
            candidate.origin = "new"
            await gate.run(candidate.revision.gate, candidate.pool)
            self._warm.distrust("a forked worker was lost in the gate")

    async def _replay(self, candidate: Candidate, settings: Settings) -> None:
        """Compare with what serves, unless that is the same or a later revision: nothing is in the way back."""
        serving = self._dispatcher.pool
        if settings.replay is None or serving is None or candidate.origin == "serving":
            return
        if _number(settings) > _number(serving.settings):
            candidate.replayed = await replay.run(settings.replay, self._dispatcher, candidate.pool)

    def _switch(self, candidate: Candidate) -> Pool | None:
        settings = read_settings(candidate.revision.environment)
        if candidate.origin != "new":
            candidate.pool.resume(settings)
        old = self._dispatcher.pool
        if old is not candidate.pool:
            self._dispatcher.switch(candidate.pool)
            self._state.metrics.error_rate.switched()
        self.on_leave(None)
        candidate.pool.enter_service()
        self._state.capture.follow(settings.capture)
        self._dispatcher.load_error = None
        set_up_logging(settings.log_level, settings.log_format)
        return old

    def _retire(self, pool: Pool) -> None:
        if is_debugged(pool.settings.environment):
            self.park.end(pool)
        else:
            self.park.put(pool)

    def _report_failure(self, wanted: str, error: LoadError) -> None:
        self._failure = error
        self._dispatcher.load_error = str(error)
        logger.error("%s", f"revision {wanted!r} does not serve: {error}\n{error.traceback}".rstrip())
        serving = None if self._dispatcher.pool is None else self._state.revision
        self._status_file.write_failure(serving, wanted, error)


def _number(settings: Settings) -> int:
    return int(settings.revision) if settings.revision.isdecimal() else 0


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
