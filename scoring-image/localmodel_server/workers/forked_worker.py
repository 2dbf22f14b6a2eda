"""The server's side of a warm parent, and of a worker that it has forked."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from localmodel_server.configuration.settings import Settings
from localmodel_server.workers.child_process import AdoptedProcess, AnyProcess
from localmodel_server.workers.likely_imports import LikelyImport
from localmodel_server.workers.worker_process import LoadError, Starter, WorkerDiedError, WorkerProcess
from localmodel_worker.frames import Frame, encode_prefix

# A first worker that has rested for so long hangs: a lock that was held at the fork is never released.
_SECONDS_OF_REST = 15.0


class NotForkedError(Exception):
    """The revision needs a process of its own; the text says why.

    renew: another parent could fork it. suspicious: the fork may be to blame for how the process ended.
    """

    def __init__(self, reason: str, renew: bool = False, suspicious: bool = False) -> None:
        super().__init__(reason)
        self.renew = renew
        self.suspicious = suspicious


class ForkedWorker(WorkerProcess):
    """A worker that gets its environment variables when it has been forked."""

    how = "fork"

    def __init__(self, settings: Settings, harmless: Iterable[str]) -> None:
        super().__init__(settings)
        self._harmless = list(harmless)

    async def _spawn(self, starter: Starter) -> None:
        await super()._spawn(starter)
        self._tell({"environment": dict(self.settings.environment), "harmless": self._harmless})


class ParentProcess(WorkerProcess):
    """A warm parent. It does what it is asked one after the other, and so a fork waits for a preload."""

    arguments = ("--warm",)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.modules: dict[str, None] = {}
        self.imported: dict[str, None] = {}
        self.harmless: set[str] = set()  # variables that no library which it has loaded names
        self.has_forked = False  # a worker that has loaded
        self.refuses = ""  # why it will not fork, as it was after its last import
        self.serves = ""  # why it has become a worker itself
        self._preloads: list[asyncio.Future[None]] = []
        self._forks: list[asyncio.Future[AnyProcess]] = []

    def preload(self, modules: Iterable[str], imported: Iterable[str], ahead: Sequence[LikelyImport] = ()) -> None:
        """Have it import what it has not imported yet; imported is what user code names.

        ahead is for a first worker that waits for it: what that prints is not hidden.
        """
        self.harmless.clear()  # of what is imported now nobody knows
        fresh = [name for name in modules if name not in self.modules]
        self.modules.update(dict.fromkeys(fresh))
        self.imported.update(dict.fromkeys(imported))
        settings = self.settings
        script = settings.environment.get("AZUREML_ENTRY_SCRIPT", "score.py")
        head = {
            "preload": fresh,
            "ahead": [(item.module, item.names) for item in ahead],
            "imported": list(self.imported),
            "folder": str(settings.app_root),
            "script": str(settings.app_root / script),
        }
        self._preloads.append(asyncio.get_running_loop().create_future())
        self._tell(head)

    async def wait_until_warm(self, seconds: float) -> None:
        """Wait for so long at most until it has imported everything.

        Raises:
            NotForkedError
        """
        if self._preloads:
            await asyncio.wait({self._preloads[-1]}, timeout=seconds)
        if self._preloads:
            raise NotForkedError("the warm parent is still importing")

    async def start_process(self, theirs: socket.socket) -> AnyProcess:
        """Have it fork a worker that serves on a socket, or become it.

        Raises:
            NotForkedError
        """
        if not self.usable or self.socket is None:
            raise NotForkedError(f"the warm parent has ended: {self.exit_description()}")
        if self._preloads:
            raise NotForkedError("the warm parent is importing again")
        process: asyncio.Future[AnyProcess] = asyncio.get_running_loop().create_future()
        try:
            # Whole, for it is short and nothing else is on its way: preloads have been answered.
            socket.send_fds(self.socket, [encode_prefix(b'{"fork": true}', 0)], [theirs.fileno()])
        except OSError as error:
            raise NotForkedError(f"the warm parent cannot be asked: {error.strerror}") from error
        self._forks.append(process)
        return await process

    def _receive(self, frame: Frame) -> None:
        head = frame.head
        if "warm" in head:
            self.refuses = str(head.get("refuses") or "")
            self._preloads.pop(0).set_result(None)
        elif "pid" in head:
            self._answer_fork(_adopted(head["pid"]))
        elif "serves" in head:
            self._hand_over(head["serves"])
        elif "refused" in head:
            self._answer_fork(NotForkedError(head["refused"], bool(head["renew"])))
        else:
            super()._receive(frame)

    def _hand_over(self, why: str) -> None:
        """Give its process to the worker that it has become; who else waits for a fork gets none."""
        process, self._process, self.serves = self._process, None, why
        if self._exit is not None:
            self._exit.cancel()
        if process is not None:
            self._answer_fork(process)
        self._fail(WorkerDiedError(f"it serves itself, because {why}"))

    def _answer_fork(self, answer: AnyProcess | Exception) -> None:
        waiting = self._forks.pop(0)
        if waiting.done():
            return  # nobody waits any more: the process finds its socket closed, and leaves
        if isinstance(answer, Exception):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        super()._fail(error)
        while self._preloads:
            self._preloads.pop().set_result(None)
        while self._forks:
            self._answer_fork(NotForkedError(f"the warm parent has ended: {error}"))


def _adopted(pid: int) -> AdoptedProcess | NotForkedError:
    try:
        return AdoptedProcess(pid)
    except OSError as error:
        return NotForkedError(f"a forked worker has ended: {error.strerror}")


async def start_forked(parent: ParentProcess, settings: Settings, seconds: float | None) -> ForkedWorker:
    """A worker whose init() has returned, forked from the parent, or the parent itself.

    Raises:
        NotForkedError: it cannot be forked, or takes longer than so many seconds; with None, does nothing for a while.
        LoadError: init() fails.
    """
    worker = ForkedWorker(settings, parent.harmless)
    loading = asyncio.create_task(worker.load(parent.start_process))
    try:
        if seconds is None:
            await _wait_while_busy(worker, loading)
        await asyncio.wait_for(loading, seconds)
    except (TimeoutError, asyncio.TimeoutError) as error:  # noqa: UP041 - two until Python 3.10
        took = "does nothing" if seconds is None else f"had not loaded after {seconds:.1f} s"
        raise NotForkedError(f"a forked worker {took}", suspicious=True) from error
    except WorkerDiedError as error:
        raise NotForkedError(f"a forked worker did not load: {error}", suspicious=True) from error
    except LoadError:
        unsafe = worker.hello.get("unsafe")
        if unsafe is None:
            raise
        raise NotForkedError(str(unsafe), bool(worker.hello.get("renew"))) from None
    parent.harmless.update(worker.hello.get("harmless", []))
    parent.has_forked = True
    if parent.serves:
        worker.how, worker.why_not_forked = WorkerProcess.how, parent.serves
    return worker


async def _wait_while_busy(worker: ForkedWorker, loading: asyncio.Task[None]) -> None:
    """Wait until it has loaded, or has neither computed nor read anything for a while.

    Raises:
        TimeoutError
    """
    work = ""
    try:
        while not (await asyncio.wait({loading}, timeout=_SECONDS_OF_REST))[0]:
            before, work = work, await asyncio.to_thread(_work, worker.pid)
            if work and work == before:
                raise TimeoutError
    except BaseException:
        loading.cancel()
        await asyncio.wait({loading})
        raise


def _work(pid: int) -> str:
    """What a process has read and computed so far; "" when nobody can say."""
    try:
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{numbers[11:15]} {Path(f'/proc/{pid}/io').read_text()}"
    except OSError:
        return ""
