"""Asks a candidate what clients have asked already, and compares. Nobody waits for it, and it waits for everybody."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque

from starlette.types import Scope

from localmodel_server.capture.exchange import Exchange
from localmodel_server.figures import Figures
from localmodel_server.gate.ask import AskingBeside
from localmodel_server.gate.client import Client, NoAnswerError, http_scope
from localmodel_server.http.app import Application
from localmodel_server.log import logger
from localmodel_server.messages.call import CLIENT_CLOSED_REQUEST, Headers
from localmodel_server.replay.comparison import Comparison
from localmodel_server.state import ApartState, ServerState
from localmodel_server.workers.pool import Pool
from localmodel_untrusted.answer_difference import Answer, Rules

# Tells the script that its answer goes to nobody.
HEADER = b"x-localmodel-shadow"
_MOST_WAITING = 64
_MOST_BYTES = 8 << 20  # of what waits
_LONGEST_COMPARED = 1 << 18
_SECONDS_TO_ANSWER = 5.0
_SECONDS_BETWEEN_LOOKS = 0.005
# What belongs to the connection, or was done to the body on its way here.
_LEFT_OUT = frozenset({b"connection", b"content-length", b"transfer-encoding", b"expect", HEADER})


class Shadow:
    """Gives a pool that does not serve copies of a share of the requests, one at a time, until it is stopped.

    An answer that differs from the client's is compared as spec.update.replay says, and what serves is asked the same
    once more: what differs from itself, such as a time, is no change.
    """

    def __init__(self, server: ServerState, pool: Pool, percent: float, figures: Figures) -> None:
        self._counts: Counter[str] = Counter()
        replay = pool.settings.replay
        self._comparison = Comparison(Rules() if replay is None else replay.rules)
        self._again: AskingBeside | None = None
        self._server = server
        self._pool = pool
        self._percent = percent
        self._figures = figures
        self._due = 100.0 - percent  # so that the first request is copied
        self._waiting: deque[tuple[Exchange, int]] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        state = ApartState()
        state.dispatcher.switch(pool)
        self._application = Application(state, log=_say_nothing)
        self._limit = pool.settings.scoring_timeout_ms / 1000 + _SECONDS_TO_ANSWER
        self._task = asyncio.create_task(self._run())

    @property
    def counts(self) -> dict[str, int]:
        """What became of the copies.

        They are `same`, `changed`, `failed` (only the candidate's answer has a status of 500 or more), `incomparable`
        (large, compressed, not whole, or another one each time), or `dropped`: there were more than the candidate could
        answer beside the clients' requests.
        """
        result = self._comparison.result(0)
        counts = Counter(self._counts)
        counts.update(same=result.compared - result.changed, changed=result.changed)
        counts.update(incomparable=sum(result.left_out.values()))
        return {name: count for name, count in counts.items() if count}

    def chooses(self) -> bool:
        """Whether to copy this request; call it once for each."""
        self._due += self._percent
        if self._due < 100:
            return False
        self._due -= 100
        if len(self._waiting) < _MOST_WAITING:
            return True
        self._counts["dropped"] += 1
        return False

    def take(self, exchange: Exchange) -> None:
        """Have a request asked again, or drop it."""
        if exchange.status == CLIENT_CLOSED_REQUEST:
            return
        size = exchange.size
        if exchange.body is None or exchange.answer is None:
            self._counts["incomparable"] += 1
        elif self._bytes + size > _MOST_BYTES:
            self._counts["dropped"] += 1
        else:
            self._bytes += size
            self._waiting.append((exchange, size))
            self._news.set()

    def stop(self) -> None:
        """Ask nothing more, and forget what waits."""
        self._task.cancel()
        self._waiting.clear()
        self._pool.on_change = lambda: None
        self._application.state.decoder.close()
        if self._again is not None:
            self._again.__exit__()

    async def _run(self) -> None:
        # Making the routes of other dialects takes longer than many an answer.
        await self._application.routes.made()
        while True:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            await self._no_client_waits()
            exchange, size = self._waiting.popleft()
            self._bytes -= size
            try:
                await self._ask(exchange)
            except Exception:
                logger.exception("a copy of a request could not be asked")
                self._counts["failed"] += 1

    async def _no_client_waits(self) -> None:
        while self._server.dispatcher.waiting:  # noqa: ASYNC110 - clients come first, and nothing tells of it
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _ask(self, exchange: Exchange) -> None:
        client = Client(exchange.body or b"")
        started = time.perf_counter()
        try:
            await client.ask(self._application, _scope(exchange), self._limit)
        except NoAnswerError:
            client.status = 500
        self._figures.add(client.status, time.perf_counter() - started)
        old = Answer(exchange.status, exchange.answer or b"", 0.0)
        new = Answer(client.status, bytes(client.body), 0.0)
        if new.status >= 500 > old.status:
            self._counts["failed"] += 1
        elif (old.status, old.body) == (new.status, new.body):
            self._comparison.add_same()
        elif (
            any(name == b"content-encoding" for name, _ in exchange.answer_headers)
            or max(len(old.body), len(new.body)) > _LONGEST_COMPARED
        ):
            self._counts["incomparable"] += 1
        else:
            await self._compare(exchange, old, new)

    async def _compare(self, exchange: Exchange, old: Answer, new: Answer) -> None:
        again = old
        if await asyncio.to_thread(self._comparison.differs, old, new):
            await self._no_client_waits()
            pool = self._server.dispatcher.pool
            if self._again is None and pool is not None:
                self._again = AskingBeside(pool, self._server.dispatcher, "")
            try:
                if self._again is not None:
                    answer = await self._again.send(_scope(exchange), exchange.body or b"")
                    again = Answer(answer.status, answer.body, 0.0)
            except NoAnswerError:
                self._counts["incomparable"] += 1
                return
        await asyncio.to_thread(self._comparison.add, old, again, new)


def _scope(exchange: Exchange) -> Scope:
    path, query = exchange.path.encode("latin-1"), exchange.query.encode("latin-1")
    return http_scope(exchange.method, path, query, _headers(exchange))


def _headers(exchange: Exchange) -> Headers:
    kept = [(name, value) for name, value in exchange.headers if name not in _LEFT_OUT]
    length = b"%d" % len(exchange.body or b"")
    return [*kept, (b"content-length", length), (HEADER, b"true")]


def _say_nothing(*_: object) -> None:
    """The requests are no client's."""
