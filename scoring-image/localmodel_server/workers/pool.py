"""The workers of one revision: start, hand out, replace, end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from localmodel_server.configuration.settings import Settings
from localmodel_server.log import logger
from localmodel_server.messages.contract import Contract
from localmodel_server.workers.free_memory import private_bytes
from localmodel_server.workers.template import TemplateProcess
from localmodel_server.workers.warm_parent import WarmParents
from localmodel_server.workers.worker_process import LoadError, WorkerProcess

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0


def restart_delay(failures: int) -> float:
    """Seconds to wait before a restart after so many failures in a row."""
    if failures == 0:
        return 0.0
    return min(_FIRST_DELAY * 2.0 ** min(failures - 1, 10), _LONGEST_DELAY)


class Pool:
    """The workers of one revision. `on_change` is called when a worker becomes free or the last one is lost."""

    def __init__(self, settings: Settings, warm: WarmParents | None = None) -> None:
        self.settings = settings
        self._warm = warm
        self.on_change: Callable[[], None] = lambda: None
        self.killed_for_memory = 0  # workers, by the kernel
        self.failure: str | None = None  # why the last restart of a worker failed
        self.contract = Contract()  # what the script takes and returns: the same in every worker
        self._workers: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._draining = False
        self._parked = False
        self._serves = False
        self._yields = False
        self._template: TemplateProcess | None = None
        self._preloading = asyncio.Lock()  # several workers may be replaced at the same time

    @classmethod
    async def start(cls, settings: Settings, warm: WarmParents | None = None) -> Pool:
        """Start all workers and wait until each has run init().

        They are forked from the warm parent where that makes no difference to the script, and else spawned.

        Raises:
            LoadError: of the first that fails.
        """
        pool = cls(settings, warm)
        await pool._preload()
        if warm is not None and pool._template is None:
            await warm.begin(settings)
        starts = [asyncio.create_task(pool._start_worker()) for _ in range(settings.worker_count)]
        try:
            for worker in await asyncio.gather(*starts):
                pool._add(worker)
        except BaseException:
            for start in starts:
                start.cancel()
            for outcome in await asyncio.gather(*starts, return_exceptions=True):
                if isinstance(outcome, WorkerProcess):
                    outcome.kill()
            if pool._template is not None:
                pool._template.kill()
            raise
        pool._keep_all()
        logger.info("revision %r is loaded (%s)", settings.revision, pool._started())
        return pool

    @property
    def how(self) -> str:
        """How the workers were started: `fork`, `spawn` or `template`."""
        if self._template is not None:
            return "template"
        return "fork" if self._workers and all(worker.how == "fork" for worker in self._workers) else "spawn"

    @property
    def why_not_forked(self) -> str:
        """Why a worker was spawned although there are warm parents, in words."""
        return next((worker.why_not_forked for worker in self._workers if worker.why_not_forked), "")

    @property
    def is_whole(self) -> bool:
        """Whether every worker lives, so that a parked pool can serve again."""
        return not self._draining and self.alive == self.settings.worker_count

    def private_bytes(self) -> int:
        """Memory that ending the workers would free."""
        return private_bytes([worker.pid for worker in self._workers if worker.usable])

    @property
    def alive(self) -> int:
        """How many workers can serve, busy ones included."""
        return sum(worker.usable for worker in self._workers)

    def take(self) -> WorkerProcess | None:
        """A free worker, which must be given back; None when all are busy."""
        while self._idle:
            # The last one used: its caches are warm.
            worker = self._idle.pop()
            if worker.usable:
                return worker
        return None

    def take_quick(self) -> WorkerProcess | None:
        """A busy worker whose script is fast enough to be sent one more frame, or None."""
        for worker in self._workers:
            if worker.in_flight == 1 and worker.is_quick and worker.usable:
                return worker
        return None

    def give_back(self, worker: WorkerProcess) -> None:
        """End one use of a worker."""
        if self._draining:
            if worker.in_flight == 0:
                worker.close()
        elif worker.usable:
            if worker.in_flight == 0:
                self._idle.append(worker)
            self.on_change()

    def enter_service(self) -> None:
        """Have the warm parent preload what workers like these import."""
        self._serves = True
        if self._warm is not None and self._template is None:
            self._warm.follow(self.settings, self._workers)

    def park(self) -> None:
        """Stop serving: workers finish what they have and stay, and a lost one is not replaced."""
        self._parked, self._serves = True, False
        self.on_change = lambda: None
        for keeper in self._keepers:
            keeper.cancel()
        self._keepers.clear()

    async def background(self) -> str:
        """Describe what its processes do without a request; "" when they do nothing."""
        processes = [*self._workers, *([] if self._template is None else [self._template])]
        asked = [asyncio.create_task(process.background()) for process in processes]
        try:
            for answer in asyncio.as_completed(asked):
                if activity := await answer:
                    return activity
        finally:
            for task in asked:
                task.cancel()
        return ""

    def resume(self, settings: Settings) -> None:
        """Be ready to serve (again), as a revision of the same content; the pool must be whole."""
        self.settings = settings
        for worker in self._workers:
            worker.settings = settings
        if self._parked:
            self._parked = False
            self._keep_all()

    def drain(self) -> None:
        """End every worker as soon as it has answered."""
        self._draining = True
        for keeper in self._keepers:
            keeper.cancel()
        for worker in self._idle:
            worker.close()
        self._idle.clear()

    def stop(self) -> None:
        """End every worker now."""
        self.drain()
        for worker in self._workers:
            worker.close()

    async def close(self) -> None:
        """End every worker now and wait for it."""
        self.stop()
        await self.wait()

    def lower_priority(self) -> None:
        """Have its workers, and those that replace them, run only when no other process wants to."""
        self._yields = True
        for worker in self._workers:
            worker.lower_priority()

    async def wait(self) -> None:
        """Wait until every worker of a draining pool has ended."""
        await asyncio.gather(*(worker.wait() for worker in self._workers))
        if self._template is not None:
            self._template.close()
            await self._template.wait()

    def _started(self) -> str:
        return f"{self.how}: {self.why_not_forked}" if self.why_not_forked else self.how

    def _keep_all(self) -> None:
        self._keepers = [asyncio.create_task(self._keep(worker)) for worker in list(self._workers)]

    async def _preload(self) -> None:
        """Run init() in a process that forks the workers, when that is wanted.

        Raises:
            LoadError
        """
        if not self.settings.worker_preload or (self._template is not None and self._template.usable):
            return
        self._template = await TemplateProcess.start(self.settings)

    async def _start_worker(self) -> WorkerProcess:
        if self._template is not None:
            return await WorkerProcess.start(self.settings, self._template.start_process)
        if self._warm is None:
            return await WorkerProcess.start(self.settings)
        return await self._warm.start_worker(self.settings, is_candidate=not self._keepers)

    def _add(self, worker: WorkerProcess) -> None:
        self.failure = None
        self.contract = worker.contract
        self._workers.add(worker)
        if self._yields:
            worker.lower_priority()
        self.give_back(worker)
        if self._serves:
            self.enter_service()

    async def _keep(self, worker: WorkerProcess) -> None:
        """Replace a worker whenever it has ended, until the pool drains."""
        failures = 0
        while True:
            await worker.wait()
            self._workers.discard(worker)
            if self._warm is not None:
                self._warm.judge(worker)
            self.killed_for_memory += worker.killed_for_memory
            logger.warning("%s; starting another", worker.exit_description())
            # A worker that has never had a request must have died by itself, and may do so again at once.
            failures = 0 if worker.served else failures + 1
            worker, failures = await self._replace(failures)

    async def _replace(self, failures: int) -> tuple[WorkerProcess, int]:
        while True:
            await asyncio.sleep(restart_delay(failures))
            try:
                async with self._preloading:
                    await self._preload()
                worker = await self._start_worker()
            except LoadError as error:
                failures += 1
                self.failure = str(error)
                logger.error("%s", f"a worker could not be restarted: {error}\n{error.traceback}".rstrip())
                self.on_change()
            else:
                self._add(worker)
                return worker, failures
