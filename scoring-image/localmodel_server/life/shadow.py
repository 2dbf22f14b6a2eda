"""Asks a candidate what clients have asked already, and compares. Nobody waits for it, and it waits for everybody."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import Any

from localmodel_server.capture.exchange import Exchange
from localmodel_server.figures import Figures
from localmodel_server.gate.client import Client, NoAnswerError, http_scope
from localmodel_server.http.app import Application
from localmodel_server.log import logger
from localmodel_server.messages.call import CLIENT_CLOSED_REQUEST, Headers
from localmodel_server.state import ApartState, ServerState
from localmodel_server.workers.pool import Pool
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_difference import differences
from localmodel_untrusted.json_text import parse_loosely

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

    `counts` says what became of them: `same`, `changed`, `failed` (only the candidate's answer has a status of 500 or
    more), `incomparable` (large, compressed, or not whole), or `dropped`: there were more than the candidate could
    answer beside the clients' requests.
    """

    def __init__(self, server: ServerState, pool: Pool, percent: float, figures: Figures) -> None:
        self.counts: Counter[str] = Counter()
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

    def chooses(self) -> bool:
        """Whether to copy this request; call it once for each."""
        self._due += self._percent
        if self._due < 100:
            return False
        self._due -= 100
        if len(self._waiting) < _MOST_WAITING:
            return True
        self.counts["dropped"] += 1
        return False

    def take(self, exchange: Exchange) -> None:
        """Have a request asked again, or drop it."""
        if exchange.status == CLIENT_CLOSED_REQUEST:
            return
        size = exchange.size
        if exchange.body is None or exchange.answer is None:
            self.counts["incomparable"] += 1
        elif self._bytes + size > _MOST_BYTES:
            self.counts["dropped"] += 1
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

    async def _run(self) -> None:
        # Making the routes of other dialects takes longer than many an answer.
        await self._application.routes.made()
        while True:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            while self._server.dispatcher.waiting:  # noqa: ASYNC110 - clients come first, and nothing tells of it
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            exchange, size = self._waiting.popleft()
            self._bytes -= size
            try:
                self.counts[await self._ask(exchange)] += 1
            except Exception:
                logger.exception("a copy of a request could not be asked")
                self.counts["failed"] += 1

    async def _ask(self, exchange: Exchange) -> str:
        client = Client(exchange.body or b"")
        path, query = exchange.path.encode("latin-1"), exchange.query.encode("latin-1")
        started = time.perf_counter()
        try:
            scope = http_scope(exchange.method, path, query, _headers(exchange))
            await client.ask(self._application, scope, self._limit)
        except NoAnswerError:
            client.status = 500
        self._figures.add(client.status, time.perf_counter() - started)
        if client.status >= 500 > exchange.status:
            return "failed"
        if client.status != exchange.status:
            return "changed"
        if bytes(client.body) == exchange.answer:
            return "same"
        if any(name == b"content-encoding" for name, _ in exchange.answer_headers):
            return "incomparable"
        if max(len(client.body), len(exchange.answer or b"")) > _LONGEST_COMPARED:
            return "incomparable"
        return await asyncio.to_thread(compare, exchange.answer or b"", bytes(client.body))


def compare(before: bytes, after: bytes) -> str:
    """What becomes of two answers that are not the same bytes."""
    try:
        first: Any = next(differences(parse_loosely(before), parse_loosely(after)), None)
    except (UnreadableError, RecursionError):
        return "changed"
    return "same" if first is None else "changed"


def _headers(exchange: Exchange) -> Headers:
    kept = [(name, value) for name, value in exchange.headers if name not in _LEFT_OUT]
    length = b"%d" % len(exchange.body or b"")
    return [*kept, (b"content-length", length), (HEADER, b"true")]


def _say_nothing(*_: object) -> None:
    """The requests are no client's."""
