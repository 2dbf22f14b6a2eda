"""Sends one request to a pool through the same application as clients, but counts and captures nothing."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple, Protocol

from starlette.types import Scope

from localmodel_server.gate.client import Client, http_scope
from localmodel_server.http.app import Application
from localmodel_server.messages.call import Headers, Outcome
from localmodel_server.metrics import Metrics
from localmodel_server.state import ApartState
from localmodel_server.workers.dispatcher import Dispatcher
from localmodel_server.workers.job import Deliver, Job, MakeCall
from localmodel_server.workers.pool import Pool

_SECONDS_TO_ANSWER = 5.0


class Sent(Protocol):
    """What is asked; the path has a query if there is one."""

    @property
    def method(self) -> str:
        """GET or POST."""

    @property
    def path(self) -> str:
        """Where it is sent."""

    @property
    def body(self) -> bytes:
        """What is sent with POST."""

    @property
    def content_type(self) -> str:
        """What the body is."""


class GateAnswer(NamedTuple):
    """The answer that a client would get; `error` is what the script raised, in one line."""

    status: int
    body: bytes
    milliseconds: float
    error: str
    traceback: str


class _Asker:
    """What a dispatcher answers; `agent` is the header by which a script knows who asks."""

    def __init__(self, pool: Pool, dispatcher: _Dispatcher, agent: str) -> None:
        self._pool = pool
        self._dispatcher = dispatcher
        self._agent = agent
        state = ApartState()
        state.dispatcher = dispatcher
        self._application = Application(state, log=_say_nothing)

    def __exit__(self, *_: object) -> None:
        self._application.state.decoder.close()
        self._dispatcher.pool = None

    async def ask(self, request: Sent, request_id: str) -> GateAnswer:
        """The answer to a request.

        Raises:
            NoAnswerError
        """
        return await self.send(_scope(request, request_id, self._agent), request.body)

    async def send(self, scope: Scope, body: bytes) -> GateAnswer:
        """The answer to a request with headers of its own.

        Raises:
            NoAnswerError
        """
        client = Client(body)
        self._dispatcher.error = ""
        if scope["path"] != "/score":
            # Before the clock runs: making them takes longer than many an answer.
            await self._application.routes.made()
        started = time.perf_counter()
        limit = self._pool.settings.scoring_timeout_ms / 1000 + _SECONDS_TO_ANSWER
        await client.ask(self._application, scope, limit)
        milliseconds = (time.perf_counter() - started) * 1000
        error, _, traceback = self._dispatcher.error.partition("\n")
        return GateAnswer(client.status, bytes(client.body), milliseconds, error, traceback)


class Asking(_Asker):
    """A context in which an idle pool answers these requests alone; afterwards it is idle again."""

    def __init__(self, pool: Pool, agent: str = "localmodel-gate", replayed: bool = False) -> None:
        self._losses = _Losses()
        super().__init__(pool, _Dispatcher(self._losses, replayed), agent)

    def __enter__(self) -> Asking:
        self._on_change = self._pool.on_change
        self._dispatcher.switch(self._pool)
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._pool.on_change = self._on_change

    @property
    def worker_lost(self) -> bool:
        """Whether a worker has died, or was killed because it took too long."""
        return self._losses.any


class AskingBeside(_Asker):
    """A context in which the pool that serves answers captured requests in line with those of its clients."""

    def __init__(self, pool: Pool, serving: Dispatcher, agent: str) -> None:
        super().__init__(pool, _InLine(pool, serving), agent)

    def __enter__(self) -> AskingBeside:
        return self

    @property
    def is_whole(self) -> bool:
        """Whether every worker of the pool lives."""
        return self._pool.is_whole


class _Dispatcher(Dispatcher):
    """Keeps what clients are not told."""

    error = ""

    def __init__(self, metrics: Metrics, replayed: bool) -> None:
        super().__init__(metrics)
        self._replayed = replayed

    def submit(self, make_call: MakeCall, request_id: str, deliver: Deliver, replayed: bool = False) -> Job:
        return super().submit(make_call, request_id, deliver, self._replayed)

    async def ask(self, make_call: MakeCall, request_id: str, gone: asyncio.Future[Any] | None = None) -> Outcome:
        outcome = await super().ask(make_call, request_id, gone)
        self.error = outcome.error
        return outcome


class _InLine(_Dispatcher):
    """Leaves the requests to the dispatcher of the clients' requests."""

    def __init__(self, pool: Pool, serving: Dispatcher) -> None:
        super().__init__(Metrics(), True)
        self.pool = pool
        self._serving = serving

    def submit(self, make_call: MakeCall, request_id: str, deliver: Deliver, replayed: bool = True) -> Job:
        return self._serving.submit(make_call, request_id, deliver, replayed)


class _Losses(Metrics):
    """Notes lost workers, and keeps the gate's figures apart from the service's."""

    any = False

    def worker_lost(self, reason: str) -> None:
        super().worker_lost(reason)
        self.any = True


def _say_nothing(*_: object) -> None:
    """Who asks logs these requests: they are no client's."""


def _scope(request: Sent, request_id: str, agent: str) -> Scope:
    path, _, query = request.path.encode().partition(b"?")
    headers: Headers = [
        (b"host", b"localhost"),
        (b"user-agent", agent.encode()),
        (b"x-request-id", request_id.encode()),
    ]
    if request.method == "POST":
        headers.append((b"content-length", b"%d" % len(request.body)))
        if request.content_type:
            headers.append((b"content-type", request.content_type.encode()))
    return http_scope(request.method, path, query, headers)
