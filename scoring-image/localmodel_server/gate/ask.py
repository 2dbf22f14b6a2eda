"""Sends one request to a pool that does not serve yet, through the same application as clients."""

from __future__ import annotations

import asyncio
import time
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.types import Message, Scope

from localmodel_server.gate.request import GateRequest
from localmodel_server.http.app import Application
from localmodel_server.messages.call import Headers, Outcome
from localmodel_server.metrics import Metrics
from localmodel_server.state import ServerState
from localmodel_server.workers.dispatcher import Dispatcher
from localmodel_server.workers.job import MakeCall
from localmodel_server.workers.pool import Pool

_MOST_BYTES = 64 * 1024 * 1024
_SECONDS_TO_ANSWER = 5.0


class GateAnswer(NamedTuple):
    """The answer that a client would get; `error` is what the script raised, in one line."""

    status: int
    body: bytes
    milliseconds: float
    error: str
    traceback: str


class NoAnswerError(Exception):
    """There is no whole answer; the text says why."""


class Asking:
    """A context in which a pool answers the gate alone; afterwards it is idle again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._losses = _Losses()
        self._dispatcher = _Dispatcher(self._losses)
        state = ServerState()
        state.dispatcher = self._dispatcher
        self._application = Application(state, log=_say_nothing)

    def __enter__(self) -> Asking:
        self._on_change = self._pool.on_change
        self._dispatcher.switch(self._pool)
        return self

    def __exit__(self, *_: object) -> None:
        self._application.state.decoder.close()
        self._dispatcher.pool = None
        self._pool.on_change = self._on_change

    @property
    def worker_lost(self) -> bool:
        """Whether a worker has died, or was killed because it took too long."""
        return self._losses.any

    async def ask(self, request: GateRequest, request_id: str) -> GateAnswer:
        """The answer to a request.

        Raises:
            NoAnswerError
        """
        client = _Client(request)
        self._dispatcher.error = ""
        scope = _scope(request, request_id)
        if scope["path"] != "/score":
            # In a thread, and before the clock runs: making them takes longer than many an answer.
            await asyncio.get_running_loop().run_in_executor(None, lambda: self._application.routes)
        started = time.perf_counter()
        asking = asyncio.create_task(self._application(scope, client.receive, client.send))
        limit = self._pool.settings.scoring_timeout_ms / 1000 + _SECONDS_TO_ANSWER
        try:
            await asyncio.wait({asking}, timeout=limit)
            if not asking.done():
                raise NoAnswerError(f"the answer did not end within {limit:g} s")
        finally:
            milliseconds = (time.perf_counter() - started) * 1000
            client.leave()
            asking.cancel()
            # To an application, its own cancellation is one more thing to answer.
            await asyncio.gather(asking, return_exceptions=True)
        if len(client.body) > _MOST_BYTES:
            raise NoAnswerError(f"the answer is longer than {_MOST_BYTES} bytes")
        if not client.complete:
            raise NoAnswerError("the answer has broken off")
        error, _, traceback = self._dispatcher.error.partition("\n")
        return GateAnswer(client.status, bytes(client.body), milliseconds, error, traceback)


class _Client:
    """The far end of an ASGI connection."""

    def __init__(self, request: GateRequest) -> None:
        self.status = 0
        self.body = bytearray()
        self.complete = False
        self._request: list[bytes] = [request.body]
        self._left = asyncio.Event()

    async def receive(self) -> Message:
        """The whole request, and then nothing until the client leaves."""
        if self._request:
            return {"type": "http.request", "body": self._request.pop(), "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a piece of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.body += message.get("body", b"")
        self.complete = not message.get("more_body", False)
        if len(self.body) > _MOST_BYTES:
            self.leave()

    def leave(self) -> None:
        """Close the connection."""
        self._left.set()


class _Dispatcher(Dispatcher):
    """Keeps what clients are not told."""

    error = ""

    async def ask(self, make_call: MakeCall, request_id: str, gone: asyncio.Future[Any] | None = None) -> Outcome:
        outcome = await super().ask(make_call, request_id, gone)
        self.error = outcome.error
        return outcome


class _Losses(Metrics):
    """Notes lost workers, and keeps the gate's figures apart from the service's."""

    any = False

    def worker_lost(self, reason: str) -> None:
        super().worker_lost(reason)
        self.any = True


def _say_nothing(*_: object) -> None:
    """The gate logs its requests itself: they are no client's."""


def _scope(request: GateRequest, request_id: str) -> Scope:
    path, _, query = request.path.encode().partition(b"?")
    headers: Headers = [
        (b"host", b"localhost"),
        (b"user-agent", b"localmodel-gate"),
        (b"x-request-id", request_id.encode()),
    ]
    if request.method == "POST":
        headers.append((b"content-length", b"%d" % len(request.body)))
        if request.content_type:
            headers.append((b"content-type", request.content_type.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode(errors="replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {},
    }
