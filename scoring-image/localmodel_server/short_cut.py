"""A short cut for /score: an ordinary request is answered without an ASGI task.

Such a task costs more than everything else that the server does for a request. Whatever is not ordinary
(pipelining, large or chunked bodies, Expect, rawhttp, CORS) takes the road through the application, which can
answer every request.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from localmodel_server.app import CLIENT_CLOSED_REQUEST, Application
from localmodel_server.call import ClientGone, Headers, Outcome
from localmodel_server.dialects.azure import Request, score_headers
from localmodel_server.dialects.bad_request import BadRequest
from localmodel_server.dispatcher import Unavailable
from localmodel_server.http_protocol import JsonErrorProtocol, NobodyWaits, response
from localmodel_server.job import Job
from localmodel_server.log import log_request, logger
from localmodel_server.request_ids import RequestIds, common_headers, read_ids
from localmodel_server.score import Refused, refusal

_LARGEST_BODY = 1 << 20


class ShortCutProtocol(JsonErrorProtocol):
    """One connection to the Application."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.application = cast(Application, self.config.app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if isinstance(self.cycle, _ShortCycle):
            self.cycle.give_up()
        super().connection_lost(exc)

    def begin_request(self) -> None:
        """Start to answer the request whose headers have come."""
        if self.url == b"/score" and self.parser.get_method() == b"POST" and self._is_ordinary():
            self.cycle = _ShortCycle(self, self.headers)
        else:
            super().begin_request()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        # Without uvicorn's flow control, which an ASGI application must release: the body's size is known and small.
        if isinstance(self.cycle, _ShortCycle):
            self.cycle.pieces.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if isinstance(self.cycle, _ShortCycle) and self.cycle.more_body:
            self.cycle.more_body = False
            self.cycle.start()
        else:
            super().on_message_complete()

    def _is_ordinary(self) -> bool:
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        state = self.application.state
        settings, contract = state.settings, state.contract
        if settings is None or contract is None or settings.cors_origins or contract.mode == "http" or state.draining:
            return False
        if self.expect_100_continue or self.parser.should_upgrade() or self.parser.get_http_version() != "1.1":
            return False
        largest = min(_LARGEST_BODY, settings.max_request_bytes)
        for name, value in self.headers:
            if name == b"content-length":
                return int(value) <= largest
        return False


class _ShortCycle:
    """One request on the short cut; in place of uvicorn's RequestResponseCycle, whose attributes it shares."""

    message_event = NobodyWaits()

    def __init__(self, protocol: ShortCutProtocol, headers: Headers) -> None:
        self.pieces: list[bytes] = []
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = protocol.parser.should_keep_alive()
        self._protocol = protocol
        self._application = protocol.application
        self._headers = headers
        self._ids: RequestIds
        self._job: Job | None = None
        self._started = 0.0

    def start(self) -> None:
        """Ask for the answer: the request is complete."""
        self._started = time.perf_counter()
        state = self._application.state
        self._ids = read_ids(self._headers)
        if self._ids.too_long is not None:
            self._deliver(Refused(431, f"the header {self._ids.too_long} is longer than 100 characters", []))
            return
        settings = state.settings
        body = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        request = Request("POST", b"", self._headers, body, settings is not None and settings.strict)
        try:
            self._job = state.dispatcher.submit(request.call, self._ids.request_id, self._deliver)
        except (Unavailable, BadRequest) as error:
            self._deliver(error)
        except Exception:
            logger.exception("request %s: error in the server", self._ids.request_id)
            self._deliver(Refused(500, "error in the scoring server; see its log", []))

    def give_up(self) -> None:
        """The client has gone."""
        self.disconnected = True
        if self._job is not None:
            self._job.gone = True

    def _deliver(self, received: Outcome | Exception) -> None:
        if isinstance(received, ClientGone):
            self._answer(CLIENT_CLOSED_REQUEST, b"", [], None)
        elif isinstance(received, Exception):
            refused = received if isinstance(received, Refused) else refusal(received)
            self._answer(refused.status, refused.body, refused.headers, None)
        elif received.headers is None or self.disconnected:
            self._answer(received.status, received.body, score_headers(received), received)
        else:
            self._hand_over(received)

    def _hand_over(self, outcome: Outcome) -> None:
        """Leave a response that the script has made itself, perhaps in pieces, to the application."""
        protocol, ids, started = self._protocol, self._ids, self._started
        protocol.scope["method"] = "POST"

        async def finish(scope: Scope, receive: Receive, send: Send) -> None:
            await self._application.finish(ids, scope, receive, send, outcome, started)

        cycle = RequestResponseCycle(
            scope=protocol.scope,
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=False,
            default_headers=protocol.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=self.keep_alive,
            on_response=protocol.on_response_complete,
        )
        cycle.more_body = False
        protocol.cycle = cycle
        protocol._start_asgi_task(cycle, cast(Any, finish))

    def _answer(self, status: int, body: bytes, headers: Headers, outcome: Outcome | None) -> None:
        protocol, application = self._protocol, self._application
        total = time.perf_counter() - self._started
        self.response_complete = True
        transport = protocol.transport
        if self.disconnected or transport.is_closing():
            status = CLIENT_CLOSED_REQUEST
            if outcome is not None and outcome.rest is not None:
                outcome.rest.stop()
        else:
            all_headers = [(b"content-type", b"application/json"), *protocol.server_state.default_headers, *headers]
            all_headers += common_headers(self._ids, application.state.settings, outcome)
            ends = application.state.draining or not self.keep_alive
            if ends:
                all_headers.append((b"connection", b"close"))
            transport.write(response(status, all_headers, body))
            if ends:
                transport.close()
            protocol.on_response_complete()
        application.count("azure", status, self._started, outcome)
        log_request(self._ids.request_id, "POST", "/score", status, total * 1000)
