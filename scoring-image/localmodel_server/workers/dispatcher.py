"""Gives requests to workers: a bounded queue in front of the current pool."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from localmodel_server.errors import BadRequestError, ClientGoneError, UnavailableError
from localmodel_server.messages.call import Outcome
from localmodel_server.metrics import Metrics
from localmodel_server.workers.answer_receiver import AnswerReceiver
from localmodel_server.workers.job import Deliver, Job, MakeCall, encode
from localmodel_server.workers.pool import Pool
from localmodel_server.workers.worker_process import NotStartedError, WorkerDiedError, WorkerProcess, WorkerTimeoutError

LONGEST_LINE = 2048
_MOST_ROWS = 256
_MOST_REQUESTS = 64
# So many in line make it worth sending one behind another, from where it cannot be taken back.
_CROWD = 4


class Dispatcher:
    """Hands requests to free workers of the current revision's pool, in the order in which they came.

    Requests whose rows may share a call travel together: all that have come by the time a worker is free. There
    is no timer, so that a request which finds a worker free does not wait for others.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.pool: Pool | None = None
        self.loading_since = time.monotonic()
        self.load_error: str | None = None  # why there is no pool
        self.in_flight = 0
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self._flush_is_due = False
        self._alarm: asyncio.TimerHandle | None = None
        self._heir: Dispatcher | None = None

    @property
    def waiting(self) -> int:
        """How many requests are in line."""
        return len(self._waiting)

    def switch(self, pool: Pool) -> Pool | None:
        """Make pool the current one in a single step, waiting requests included; returns the old one.

        It still answers what it has, and is the caller's to park or to drain.
        """
        old, self.pool = self.pool, pool
        if old is not None:
            old.on_change = lambda: None
        pool.on_change = self._flush
        self._flush()
        return old

    def hand_over(self, heir: Dispatcher) -> None:
        """Leave all requests that no worker has yet to another dispatcher, also those whose worker is lost later."""
        self._heir = heir
        if self.pool is not None and self.pool.on_change == self._flush:
            self.pool.on_change = lambda: None
        waiting, self._waiting = self._waiting, deque()
        heir._take_over(waiting)

    def _take_over(self, jobs: Iterable[Job]) -> None:
        """Put requests in line where they would be if they had always been here."""
        self._waiting = deque(sorted([*jobs, *self._waiting], key=lambda job: job.since))
        if self.pool is not None and self._alarm is None:
            self._watch_for_late(self.pool)
        self._flush()

    def unready_reason(self) -> str | None:
        """Why no revision can answer, or None when one can."""
        if self.pool is None:
            seconds = time.monotonic() - self.loading_since
            return self.load_error or f"the revision is loading: init() has not returned yet, after {seconds:.0f} s"
        if self.pool.alive == 0:
            return self.pool.failure or "the worker process died and is being restarted"
        return None

    def check_room(self) -> Pool:
        """The current pool.

        Raises:
            UnavailableError: a request would be refused now.
        """
        if self.pool is None:
            raise UnavailableError(self.unready_reason() or "")
        if self.pool.failure is not None and self.pool.alive == 0:
            raise UnavailableError(self.pool.failure)
        if len(self._waiting) >= LONGEST_LINE:
            self._drop_gone()
        if len(self._waiting) >= LONGEST_LINE:
            raise UnavailableError(f"all workers are busy and {LONGEST_LINE} requests wait already")
        return self.pool

    def submit(self, make_call: MakeCall, request_id: str, deliver: Deliver, replayed: bool = False) -> Job:
        """Put a request in line; deliver is called later, never before this returns.

        Raises:
            UnavailableError
            BadRequestError: from `make_call`.
        """
        pool = self.check_room()
        loop = asyncio.get_running_loop()
        job = Job(request_id, make_call, pool.contract, loop.time(), deliver, replayed)
        self._waiting.append(job)
        if not self._flush_is_due:
            # At the end of this turn of the loop: what comes in with this request can go with it.
            self._flush_is_due = True
            loop.call_soon(self._flush)
        if self._alarm is None:
            self._watch_for_late(pool)
        return job

    async def ask(self, make_call: MakeCall, request_id: str, gone: asyncio.Future[Any] | None = None) -> Outcome:
        """Wait for the outcome of a request.

        Raises:
            UnavailableError
            BadRequestError: from `make_call`.
            ClientGoneError: `gone` is done.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def deliver(received: Outcome | Exception) -> None:
            if future.done():
                return
            if isinstance(received, Exception):
                future.set_exception(received)
            else:
                future.set_result(received)

        job = self.submit(make_call, request_id, deliver)
        try:
            if gone is not None:
                await asyncio.wait({future, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not future.done():
                    raise ClientGoneError
            return await future
        finally:
            if not future.done() or future.cancelled():
                job.give_up()

    def _flush(self) -> None:
        self._flush_is_due = False
        pool = self.pool
        if pool is None:
            return
        if pool.failure is not None and pool.alive == 0:
            while self._waiting:
                self._waiting.popleft().deliver(UnavailableError(pool.failure))
        while self._drop_unfit(pool):
            worker = pool.take()
            if worker is None and len(self._waiting) >= _CROWD and self._waiting[0].batch_key is None:
                worker = pool.take_quick()
            if worker is None:
                return
            self._send(pool, worker, self._next_jobs(worker.together and pool.settings.batching))

    def _drop_unfit(self, pool: Pool) -> bool:
        """Drop requests at the head of the line that cannot be sent; whether one is left that can."""
        while self._waiting:
            job = self._waiting[0]
            try:
                if not job.gone:
                    job.fit(pool.contract)
                    return True
                error: Exception = ClientGoneError()
            except BadRequestError as bad:
                error = bad
            self._waiting.popleft()
            job.deliver(error)
        return False

    def _drop_gone(self) -> None:
        """Drop the requests of clients that have left, to make room for others."""
        gone = [job for job in self._waiting if job.gone]
        self._waiting = deque(job for job in self._waiting if not job.gone)
        for job in gone:
            job.deliver(ClientGoneError())

    def _next_jobs(self, together: bool) -> list[Job]:
        jobs = [self._waiting.popleft()]
        key = jobs[0].batch_key if together else None
        rows = jobs[0].rows
        while key is not None and self._waiting and len(jobs) < _MOST_REQUESTS:
            job = self._waiting[0]
            # One that must be decoded again, or dropped, starts a frame of its own.
            if job.gone or job.contract is not jobs[0].contract or job.batch_key != key:
                break
            rows += job.rows
            if rows > _MOST_ROWS:
                break
            jobs.append(self._waiting.popleft())
        return jobs

    def _send(self, pool: Pool, worker: WorkerProcess, jobs: list[Job]) -> None:
        head, pieces = encode(jobs)
        self.in_flight += len(jobs)
        now = asyncio.get_running_loop().time()
        for job in jobs:
            job.sent = now
        receiver = AnswerReceiver(worker, jobs, lambda error: self._end(pool, worker, jobs, error))
        self._metrics.batched(len(jobs))
        try:
            worker.send(head, pieces, receiver.receive)
        except WorkerDiedError as error:
            receiver.receive(error)

    def _end(self, pool: Pool, worker: WorkerProcess, jobs: list[Job], error: Exception | None) -> None:
        """Note that the worker has answered or is lost; requests that may not be to blame for the loss try again."""
        self.in_flight -= len(jobs)
        if isinstance(error, (WorkerDiedError, WorkerTimeoutError)):
            self._metrics.worker_lost("died" if isinstance(error, WorkerDiedError) else "timeout")
        if isinstance(error, NotStartedError) or (error is not None and len(jobs) > 1):
            for job in jobs:
                job.alone = job.alone or not isinstance(error, NotStartedError)
            (self._heir or self)._take_over(jobs)
        pool.give_back(worker)

    def _refuse_late(self) -> None:
        """Refuse the requests at the head of the line that have waited for longer than a call may take."""
        self._alarm = None
        if self.pool is None:
            return
        loop = asyncio.get_running_loop()
        seconds = self.pool.settings.scoring_timeout_ms / 1000
        while self._waiting and loop.time() - self._waiting[0].since >= seconds:
            self._waiting.popleft().deliver(UnavailableError(f"no worker became free within {seconds:g} s"))
        self._watch_for_late(self.pool)

    def _watch_for_late(self, pool: Pool) -> None:
        if self._waiting:
            due = self._waiting[0].since + pool.settings.scoring_timeout_ms / 1000
            self._alarm = asyncio.get_running_loop().call_at(due, self._refuse_late)
