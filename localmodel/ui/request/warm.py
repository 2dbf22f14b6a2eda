"""Revisions that a deployment keeps and that do not serve, loaded to be asked: the last few stay warm for minutes."""

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Timer

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.sdk.progress import reporter
from localmodel.targets.target import Target
from localmodel.trial import kept, past
from localmodel.trial.worker import ScriptLoadError, TrialWorker, WorkerDiedError
from localmodel_untrusted.answer_difference import Answer

_MOST = 2
_SECONDS = 60.0  # for init(), and for each answer
_IDLE_SECONDS = 300.0  # after the last answer


class _Warm:
    """A worker with one revision, and what removes its files. Only one thread uses it at a time."""

    def __init__(self, worker: TrialWorker, remove: Callable[[], object]) -> None:
        self.worker, self.remove, self.number, self.turn = worker, remove, 0, Lock()
        self.asking = 0  # threads that use it, or wait for their turn
        self.asked = 0.0  # when the last answer came


class Warm:
    """The loaded revisions of a target's deployments."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._loaded: dict[tuple[str, int, str], _Warm] = {}  # the last asked one last
        self._turn = Lock()
        self._looks = False  # for what is idle, later
        # A worker ends with the thread that has started it, and those of requests come and go.
        self._starter = ThreadPoolExecutor(1)

    def ask(self, name: str, number: int, created: str, body: bytes) -> Answer:
        """What this revision answers to a POST of JSON.

        Raises:
            UserError: RevisionNotHere, if this machine lacks a part of it; RevisionFailed.
        """
        with self._turn:  # loading takes memory, so that one is loaded at a time
            warm = self._of(name, number, created)
            warm.asking += 1
        try:
            return self._asked(warm, number, body)
        finally:
            with self._turn:
                warm.asking -= 1
                warm.asked = time.monotonic()
                self._look_later()

    def _asked(self, warm: _Warm, number: int, body: bytes) -> Answer:
        with warm.turn:
            warm.number += 1
            started = time.monotonic()
            try:
                with _limited(warm.worker):
                    answer = warm.worker.ask(f"page-{warm.number}", body)
            except WorkerDiedError as error:
                with self._turn:
                    self._drop(warm)
                raise UserError(reasons.REVISION_FAILED, f"revision {number}: {error}") from None
        return Answer(answer.status, answer.body, (time.monotonic() - started) * 1000)

    def _of(self, name: str, number: int, created: str) -> _Warm:
        key = (name, number, created)  # a deployment that is made anew counts its revisions from 1
        if warm := self._loaded.pop(key, None):
            self._loaded[key] = warm
            return warm
        folder = Path(tempfile.mkdtemp(prefix="lmd-ui-")).resolve()
        remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # at the latest when the page ends
        try:
            content = past.of(self._target, name, number)
            trial = kept.trial(content, folder / "0", reporter(False))
            worker = self._starter.submit(TrialWorker, trial, unattended=True).result()
            _load(worker, number)
        except BaseException:
            remove()
            raise
        idle = [warm for warm in self._loaded.values() if not warm.asking]
        for warm in idle[: max(len(self._loaded) - _MOST + 1, 0)]:
            self._drop(warm)
        self._loaded[key] = made = _Warm(worker, remove)
        return made

    def _look_later(self) -> None:
        if self._loaded and not self._looks:
            self._looks = True
            timer = Timer(_IDLE_SECONDS, self._end_idle)
            timer.daemon = True  # the page may end before
            timer.start()

    def _end_idle(self) -> None:
        with self._turn:
            before = time.monotonic() - _IDLE_SECONDS
            for warm in [warm for warm in self._loaded.values() if not warm.asking and warm.asked <= before]:
                self._drop(warm)
            self._looks = False
            self._look_later()

    def _drop(self, warm: _Warm) -> None:
        self._loaded = {key: other for key, other in self._loaded.items() if other is not warm}
        warm.worker.close()
        warm.remove()


def _load(worker: TrialWorker, number: int) -> None:
    try:
        with _limited(worker):
            worker.load()
    except (ScriptLoadError, WorkerDiedError) as error:
        worker.close()
        raise UserError(reasons.REVISION_FAILED, f"revision {number} does not load: {error}") from None


@contextmanager
def _limited(worker: TrialWorker) -> Iterator[None]:
    """A block at whose limit the worker is killed, which ends what waits for it."""
    timer = Timer(_SECONDS, worker.kill)
    timer.start()
    try:
        yield
    except WorkerDiedError as error:
        raise WorkerDiedError(str(error) if timer.is_alive() else f"no answer within {_SECONDS:g} s") from None
    finally:
        timer.cancel()
