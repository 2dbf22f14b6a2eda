"""The ASGI application: ids, headers, counts and log around /score and all other routes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localmodel_server.capture.exchange import Exchange
from localmodel_server.capture.tap import Tap
from localmodel_server.errors import ClientGoneError
from localmodel_server.http import below_prefix, cors, health
from localmodel_server.http.late_routes import LateRoutes
from localmodel_server.http.page import HEADERS, is_visit, render
from localmodel_server.http.score import EarlyAnswer, score, send_outcome
from localmodel_server.http.split import Split, goes_to_candidate
from localmodel_server.log import log_request, logger, one_word
from localmodel_server.messages.asgi import DIALECT, OUTCOME, REQUEST_ID, send_json, send_whole, wait_until_gone
from localmodel_server.messages.call import CLIENT_CLOSED_REQUEST, Headers, Outcome
from localmodel_server.messages.request_ids import RequestIds, common_headers, read_ids
from localmodel_server.payloads.azure import NOT_RUN
from localmodel_server.state import ServerState

_IDS = "localmodel.ids"
_PROBE_PATHS = frozenset({"/", "/livez", "/readyz"})


class Shadow(Protocol):
    """Who wants copies of some answered requests."""

    def chooses(self) -> bool:
        """Whether it wants this one; called once for each."""

    def take(self, exchange: Exchange) -> None:
        """Take a copy."""


class Canary(NamedTuple):
    """The candidate that answers some of the requests."""

    split: Split
    application: Application


class Application:
    """What uvicorn calls for every request. `log` is called for each like log.log_request()."""

    def __init__(self, state: ServerState, log: Callable[[str, str, str, int, float], None] = log_request) -> None:
        self.state = state
        self.canary: Canary | None = None
        self.shadow: Shadow | None = None
        self._log = log
        self.routes = LateRoutes(state, health.answer_with_figures, _build_routes)  # for every path but /score

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # None takes the fast path then. Probes do not count: a kubelet asks until the end.
        if self.state.draining and scope["path"] not in _PROBE_PATHS:
            self.state.last_came = time.monotonic()
        application = self
        if self.canary is not None and (scope["method"] == "POST" or scope["path"] == "/score"):
            ids = read_ids(scope["headers"])
            scope[_IDS] = ids  # one that is made up may not be made up again: the share would be another
            application = self.chosen(ids.request_id, scope["headers"])
        await application.respond(scope, receive, send)

    def chosen(self, request_id: str, headers: Headers) -> Application:
        """The application of the revision that is to answer a request to the script."""
        canary = self.canary
        if canary is None or not goes_to_candidate(canary.split, request_id, headers):
            return self
        state = canary.application.state
        if state.dispatcher.unready_reason() is None:
            return canary.application
        if state.metrics.figures is not None:
            state.metrics.figures.unavailable += 1
        return self

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with this revision."""
        if not self.keeps:
            await self._answer(scope, receive, send, None)
        else:
            with Tap(receive, send, self.state.capture.room) as tap:
                await self._answer(scope, tap.receive, tap.send, tap)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, tap: Tap | None) -> None:
        started = time.perf_counter()
        ids = scope.get(_IDS) or read_ids(scope["headers"])
        if ids.too_long is not None:
            refused = EarlyAnswer(431, f"the header {ids.too_long} is longer than 100 characters", NOT_RUN)
            status = await self._refuse(refused, self._headers(ids, scope["headers"]), send)
            if scope["path"] == "/score":
                self.count("azure", status, started, None)
        elif self._allows_others and cors.is_preflight(scope["method"], scope["headers"]):
            status = await self._refuse(EarlyAnswer(200, "", []), self._headers(ids, scope["headers"]), send)
        elif scope["path"] == "/score" and (page := self._page(scope)) is not None:
            status = 200
            await send_whole(send, status, page, [*HEADERS, *NOT_RUN, *self._headers(ids, scope["headers"])])
        elif scope["path"] == "/score":
            status = await self._score(ids, scope, receive, send, started)
        else:
            status = await self._pass_on(ids, scope, receive, send)
        if scope["path"] not in _PROBE_PATHS:
            milliseconds = (time.perf_counter() - started) * 1000
            # The raw path: a decoded one may hold line breaks.
            path = scope["raw_path"].decode("latin-1")
            self._log(ids.request_id, scope["method"], path, status, milliseconds)
            if tap is not None and DIALECT in scope:
                target = path, scope["query_string"].decode("latin-1")
                self._capture(ids, scope, target, tap.body, status, tap, started)

    @property
    def _allows_others(self) -> bool:
        settings = self.state.settings
        return settings is not None and bool(settings.cors_origins)

    def _page(self, scope: Scope) -> bytes | None:
        """The page for a browser that opens /score; None for every other request."""
        state, settings, contract = self.state, self.state.settings, self.state.contract
        if settings is None or contract is None or not is_visit(scope, settings, contract):
            return None
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        return render(host, state.revision, state.model, settings, contract, below_prefix.scheme(scope["headers"]))

    async def _score(self, ids: RequestIds, scope: Scope, receive: Receive, send: Send, started: float) -> int:
        scope[DIALECT] = "azure"

        def headers_for(outcome: Outcome | None) -> Headers:
            return self._headers(ids, scope["headers"], outcome)

        refused: EarlyAnswer
        try:
            outcome, status = await score(self.state, ids.request_id, scope, receive, send, headers_for)
        except EarlyAnswer as error:
            refused = error
        except ClientGoneError:
            self.count("azure", CLIENT_CLOSED_REQUEST, started, None)
            return CLIENT_CLOSED_REQUEST
        except asyncio.CancelledError:
            # uvicorn does this when a request is still running at the end of the time to stop.
            refused = EarlyAnswer(503, "the server stopped before it could answer", NOT_RUN)
        except Exception:
            logger.exception("request %s: error in the server", one_word(ids.request_id))
            refused = EarlyAnswer(500, "error in the scoring server; see its log", NOT_RUN)
        else:
            scope[OUTCOME] = outcome
            self.count("azure", status, started, outcome)
            return status
        status = await self._refuse(refused, headers_for(None), send)
        self.count("azure", status, started, None)
        return status

    async def finish(
        self,
        ids: RequestIds,
        scope: Scope,
        receive: Receive,
        send: Send,
        body: bytes | None,
        outcome: Outcome,
        started: float,
    ) -> None:
        """Send, count and log the outcome of a request to /score that the fast path has asked.

        `body` is the request's where it is captured.
        """
        if not self.keeps:
            await self._finish(ids, scope, receive, send, outcome, started)
            return
        with Tap(receive, send, self.state.capture.room) as tap:
            status = await self._finish(ids, scope, tap.receive, tap.send, outcome, started)
            scope[DIALECT], scope[OUTCOME] = "azure", outcome
            self._capture(ids, scope, ("/score", ""), body, status, tap, started)

    async def _finish(
        self, ids: RequestIds, scope: Scope, receive: Receive, send: Send, outcome: Outcome, started: float
    ) -> int:
        gone = asyncio.ensure_future(wait_until_gone(receive))
        try:
            status = await send_outcome(send, outcome, self._headers(ids, scope["headers"], outcome), gone)
        finally:
            gone.cancel()
        self.count("azure", status, started, outcome)
        log_request(ids.request_id, "POST", "/score", status, (time.perf_counter() - started) * 1000)
        return status

    def _capture(
        self,
        ids: RequestIds,
        scope: Scope,
        target: tuple[str, str],
        body: bytes | None,
        status: int,
        tap: Tap,
        started: float,
    ) -> None:
        """Hand an answered request to those who want it; `target` is its path and its query."""
        takers = self.next_takers()
        if not takers:
            return
        seconds = time.perf_counter() - started
        exchange = Exchange(
            time=time.time() - seconds,
            request_id=ids.request_id,
            origin=self.state.origin(scope.get(OUTCOME)),
            dialect=scope[DIALECT],
            method=scope["method"],
            path=target[0],
            query=target[1],
            headers=scope["headers"],
            body=body,
            status=status,
            answer_headers=tap.answer_headers,
            answer=tap.answer,
            milliseconds=seconds * 1000,
            id_is_ours=ids.is_ours,
        )
        for take in takers:
            take(exchange)

    @property
    def keeps(self) -> bool:
        """Whether anybody may want requests that have been answered."""
        return self.shadow is not None or self.state.capturing is not None

    def next_takers(self) -> Sequence[Callable[[Exchange], None]]:
        """Who wants the request that has just been answered; call it once for each."""
        takers: list[Callable[[Exchange], None]] = []
        settings = self.state.capture_next()
        if settings is not None:
            takers.append(partial(self.state.capture.take, settings))
        if self.shadow is not None and self.shadow.chooses():
            takers.append(self.shadow.take)
        return takers

    def count(self, dialect: str, status: int, started: float, outcome: Outcome | None) -> None:
        """Count one answered request; started is a time of perf_counter."""
        total = time.perf_counter() - started
        if outcome is None:
            self.state.metrics.answered(dialect, status, total)
        else:
            run = None if outcome.run_ms is None else outcome.run_ms / 1000
            self.state.metrics.answered(dialect, status, total, outcome.queued, run)

    async def _refuse(self, refused: EarlyAnswer, headers: Headers, send: Send) -> int:
        await send_json(send, refused.status, refused.body, [*refused.headers, *headers])
        return refused.status

    async def _pass_on(self, ids: RequestIds, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                outcome = scope.get(OUTCOME)
                message["headers"] = [*message.get("headers", []), *self._headers(ids, scope["headers"], outcome)]
            await send(message)

        scope[REQUEST_ID] = ids.request_id
        try:
            await self.routes(scope, receive, send_with_headers)
        except Exception:
            outcome = scope.get(OUTCOME)
            if outcome is None or outcome.rest is None or not outcome.rest.is_broken:
                raise
            return CLIENT_CLOSED_REQUEST  # as on /score: the script's body has ended too early, and the log has it
        return status

    def _headers(self, ids: RequestIds, request: Headers, outcome: Outcome | None = None) -> Headers:
        settings = self.state.settings
        headers = common_headers(ids, settings, outcome)
        if settings is not None and settings.cors_origins:
            headers += cors.cors_headers(request, settings.cors_origins)
        if self.state.draining:
            headers.append((b"connection", b"close"))
        return headers


def _build_routes(state: ServerState) -> ASGIApp:
    from localmodel_server.http.routes import build_routes

    return build_routes(state)
