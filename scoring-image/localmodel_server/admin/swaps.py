"""Prepare, commit, abort: one decision at a time, and never an older one after a newer one.

Every decision of the operator's has an epoch, a number that only grows. A pod prepares a decision while it still
serves another, and serves it when it is committed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from localmodel_server.admin.errors import RefusedError, refusal
from localmodel_server.admin.folder import AcceptedRevision, remove
from localmodel_server.admin.revisions import Revisions
from localmodel_server.life.beside import Beside, Trial
from localmodel_server.life.loader import Loader
from localmodel_server.life.revision import Candidate
from localmodel_server.log import logger
from localmodel_server.replay import check
from localmodel_server.replay.answered import Answered, Collection
from localmodel_server.state import ServerState
from localmodel_server.workers.worker_process import LoadError
from localmodel_untrusted.replayed import Replayed

_Result = TypeVar("_Result")


class Order(NamedTuple):
    """The decision that a call is about."""

    epoch: int
    content: str


class Prepared(NamedTuple):
    """A decision that can be committed."""

    accepted: AcceptedRevision
    candidate: Candidate
    milliseconds: dict[str, int]


class Swaps:
    """Prepares and commits decisions; `serves` is the one that serves or loads, `newest` the latest epoch received."""

    def __init__(
        self,
        state: ServerState,
        loader: Loader,
        beside: Beside,
        revisions: Revisions,
        serves: AcceptedRevision,
        newest: int,
    ) -> None:
        self.serves = serves
        self.beside = beside
        self.failure: str | None = None  # of the last decision that could not be prepared
        self.replayed: Replayed | None = None  # what came of captured requests before the last switch
        self.on_commit: Callable[[], None] = lambda: None
        self._state = state
        self._loader = loader
        self._revisions = revisions
        self._newest = newest  # no older epoch is prepared any more
        self._on_hold = False
        self._order: Order | None = None
        self._preparing: asyncio.Task[Prepared] | None = None
        self._turn = asyncio.Lock()  # of those who change the above
        self._folder_turn = asyncio.Lock()
        self._sweeping: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> int:
        """The latest epoch received."""
        return max(self.serves.epoch, self._newest)

    @property
    def order(self) -> Order | None:
        """The decision that is being prepared or is prepared; None when preparing it failed."""
        return self._order

    @property
    def prepared(self) -> Prepared | None:
        """The decision that can be committed now."""
        task = self._preparing
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def check(self, order: Order) -> None:
        """Check that an order does not come too late.

        Raises:
            RefusedError
        """
        if self._state.draining:
            raise RefusedError(409, "Stopping", "the server is stopping")
        newest = self.newest
        same_epoch = [other for other in (self._order, self.serves) if other is not None and other.epoch == order.epoch]
        if order.epoch < newest or any(other.content != order.content for other in same_epoch):
            text = f"epoch {order.epoch} is refused: this pod has been told of epoch {newest}"
            raise RefusedError(409, "Superseded", text, epoch=newest)

    def has_committed(self, order: Order) -> bool:
        """Whether this pod already serves or loads what the order names."""
        return order == (self.serves.epoch, self.serves.content) and self._state.behind is None

    @property
    def on_hold(self) -> bool:
        """Whether this pod has loaded what it is to serve, and stays unready until it is told to."""
        return self._on_hold and self._state.dispatcher.pool is not None

    def hold(self) -> None:
        """Stay unready until the decision that this pod starts with is committed."""
        self._on_hold = True
        self._state.behind = f"on hold: epoch {self.serves.epoch} has not been committed here"

    def _waits_for(self, order: Order) -> bool:
        return self._on_hold and order == (self.serves.epoch, self.serves.content)

    async def prepare(self, order: Order, bundle: Path | None) -> Prepared | None:
        """Load a revision from a bundle or from what the pod holds; None when it serves already.

        An order that is being prepared already is waited for; a newer one takes the place of an older. The bundle may
        be deleted when it has been taken in.

        Raises:
            RefusedError
        """
        async with self._turn:
            self.check(order)
            if self.has_committed(order) or self._waits_for(order):
                return None
            if order != self._order:
                self._newest = order.epoch
                before, self._order = self._preparing, order
                self._preparing = asyncio.create_task(self._prepare(order, bundle, before))
            task = self._preparing
        assert task is not None  # noqa: S101 - it belongs to the order
        await asyncio.wait({task})
        if task.cancelled():
            raise self._why_cancelled(order)
        error = task.exception()
        if error is not None:
            raise refusal(error)
        return task.result()

    async def try_out(self, order: Order, trial: Trial | None) -> None:
        """Try what was prepared on clients' requests; None ends this, and it stays prepared.

        Raises:
            RefusedError
        """
        async with self._turn:
            self.check(order)
            prepared = self.prepared
            if prepared is None or order != self._order:
                raise RefusedError(409, "NotPrepared", f"epoch {order.epoch} ({order.content}) is not prepared here")
            if prepared.candidate.origin == "serving":
                raise RefusedError(409, "ServesAlready", "the workers that serve are those of this content")
            await self._keep(self.beside.follow(prepared.candidate, trial), order)

    async def commit(self, order: Order) -> None:
        """Serve what was prepared: record it first, then switch.

        Raises:
            RefusedError
        """
        async with self._turn:
            self.check(order)
            if self.has_committed(order):
                return
            if self._waits_for(order):
                await self._accept(self.serves)
                self._on_hold, self._state.behind = False, None
                return
            prepared = self.prepared
            if prepared is None or order != self._order:
                # The signature says that it is so: elsewhere this revision may serve already.
                self._on_hold = False
                self._state.behind = f"behind: epoch {order.epoch} is to serve, and is not prepared here"
                raise RefusedError(409, "NotPrepared", f"epoch {order.epoch} ({order.content}) is not prepared here")
            await self._keep(self.beside.before_commit(prepared.candidate), order)
            await self._accept(prepared.accepted)
            self._preparing = self._order = None
            self.switch(prepared.accepted, prepared.candidate)

    async def _accept(self, accepted: AcceptedRevision) -> None:
        try:
            await in_thread(lambda: self._revisions.folder.accept(accepted))
        except OSError as error:
            self._state.behind = f"behind: epoch {accepted.epoch} could not be committed: {error}"
            raise refusal(error) from error

    def switch(self, accepted: AcceptedRevision, candidate: Candidate) -> None:
        """Serve a candidate that has been accepted."""
        self._on_hold = False
        self._loader.commit(candidate)
        self.serves = accepted
        self.replayed = candidate.replayed
        self._state.behind = self.failure = None
        self.on_commit()
        self._sweep()

    async def answered(self, last: int) -> dict[str, Any]:
        """The last captured requests, and how what serves answers them, for a pod on hold."""
        collection = Collection()

        async def take(one: Answered) -> None:
            await in_thread(lambda: collection.add(one))

        await check.served(last, self._state.dispatcher, collection.left_out, take)
        return collection.as_json()

    async def replay(self, order: Order, answered: list[Answered], left_out: Counter[str]) -> None:
        """Ask what is on hold what another pod was asked; it stays so whatever comes of it.

        Raises:
            RefusedError
        """
        self.check(order)
        pool = self._state.dispatcher.pool
        if pool is None or pool.settings.replay is None or not self._waits_for(order):
            raise RefusedError(409, "NotOnHold", f"epoch {order.epoch} ({order.content}) is not on hold here")
        try:
            self.replayed = await check.compare(pool.settings.replay, answered, left_out, self._state.dispatcher)
        except LoadError as error:
            self.failure = f"epoch {order.epoch}: {refusal(error)}"
            raise refusal(error) from error

    async def abort(self, order: Order) -> None:
        """Drop what was prepared for this or an older epoch.

        Raises:
            RefusedError
        """
        async with self._turn:
            if order.epoch < self.newest:
                self.check(order)
            if order.epoch == self.serves.epoch:
                raise RefusedError(409, "Committed", f"epoch {order.epoch} serves", epoch=order.epoch)
            await self._forget()
        self._sweep()

    async def close(self) -> None:
        """Cancel what is being prepared."""
        async with self._turn:
            await self._forget()
        for sweep in self._sweeping:
            sweep.cancel()
        await asyncio.gather(*self._sweeping, return_exceptions=True)

    async def _keep(self, work: Awaitable[None], order: Order) -> None:
        """Do something with what is prepared, which is lost if that fails."""
        try:
            await work
        except LoadError as error:
            self.failure = f"epoch {order.epoch}: {refusal(error)}"
            await self._forget()
            raise refusal(error) from error

    async def _forget(self) -> None:
        task, self._preparing, self._order = self._preparing, None, None
        await self._give_up(task)

    async def _give_up(self, task: asyncio.Task[Prepared] | None) -> None:
        if task is None:
            return
        task.cancel()
        task.add_done_callback(self._discard)  # whether or not anybody waits
        await asyncio.wait({task})

    def _discard(self, task: asyncio.Task[Prepared]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._loader.discard(task.result().candidate)

    async def _prepare(self, order: Order, bundle: Path | None, before: asyncio.Task[Prepared] | None) -> Prepared:
        try:
            await self._give_up(before)
            loop = asyncio.get_running_loop()
            started = loop.time()
            async with self._folder_turn:
                accepted, wanted = await in_thread(lambda: self._revisions.take_in(order.epoch, order.content, bundle))
            unpacked = round((loop.time() - started) * 1000)
            candidate = await self._loader.prepare(wanted)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.failure = f"epoch {order.epoch}: {refusal(error)}"
            logger.error("cannot prepare the revision of epoch %d: %s", order.epoch, refusal(error))
            if self._order == order:
                self._order = None
            self._sweep()
            raise
        logger.info("revision %r is prepared (epoch %d, %s)", accepted.revision, order.epoch, candidate.pool.how)
        return Prepared(accepted, candidate, {"unpack": unpacked, **candidate.milliseconds})

    def _why_cancelled(self, order: Order) -> RefusedError:
        if self._state.draining:
            return RefusedError(409, "Stopping", "the server is stopping")
        if self._newest > order.epoch:
            return RefusedError(409, "Superseded", f"epoch {self._newest} has taken its place", epoch=self._newest)
        return RefusedError(409, "Aborted", f"epoch {order.epoch} was aborted")

    def _sweep(self) -> None:
        """Delete, in the background, the files of revisions that nobody can go back to."""
        task = asyncio.create_task(self._sweep_folder())
        self._sweeping.add(task)
        task.add_done_callback(self._sweeping.discard)

    async def _sweep_folder(self) -> None:
        await self._loader.park.settle()  # who still answers may still read
        async with self._folder_turn:
            keep = {self.serves.content, *self._loader.park.contents}
            if self._order is not None:
                keep.add(self._order.content)
            aside = await in_thread(lambda: self._revisions.folder.set_aside(keep))
        if aside is not None:
            await in_thread(lambda: remove(aside))


async def in_thread(work: Callable[[], _Result]) -> _Result:
    """Do work in a thread, and wait for it even when cancelled, so that nothing else interferes."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def answer_of(prepared: Prepared | None, order: Order) -> dict[str, Any]:
    """The answer of /prepare."""
    answer: dict[str, Any] = {"prepared": order._asdict()}
    if prepared is not None:
        answer.update(how=prepared.candidate.pool.how, milliseconds=prepared.milliseconds)
    return answer
