"""A fast path for /score and infer requests: an ordinary one is answered without an ASGI task.

Such a task costs more than everything else that the server does for a request. Whatever is not ordinary
(pipelining, large or chunked bodies, Expect, rawhttp, CORS) takes the road through the application, which can
answer every request.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from localmodel_server.capture.exchange import Exchange, short
from localmodel_server.configuration.settings import Settings
from localmodel_server.connections.http_protocol import JsonErrorProtocol, NobodyWaits, response
from localmodel_server.dialects.oip.infer import InferRequest
from localmodel_server.dialects.score_request import ScoreRequest as AzureRequest
from localmodel_server.errors import BadRequestError, ClientGoneError, UnavailableError
from localmodel_server.http import below_prefix
from localmodel_server.http.app import Application
from localmodel_server.http.score import RETRY
from localmodel_server.log import log_request, logger, one_word
from localmodel_server.messages import cost
from localmodel_server.messages.body_stream import BrokenOffError
from localmodel_server.messages.call import CLIENT_CLOSED_REQUEST, Call, Headers, Outcome
from localmodel_server.messages.collected import collect
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import Cost
from localmodel_server.messages.request_ids import RequestIds, common_headers, read_ids
from localmodel_server.state import ServerState
from localmodel_server.workers.job import Job

_LARGEST_BODY = 1 << 20
_COMPRESSED = (b"content-encoding", b"accept-encoding")


class Question(Protocol):
    """A complete request of some dialect."""

    dialect: str

    @classmethod
    def of(cls, headers: Headers, body: bytes, settings: Settings) -> Question: ...

    def cost(self, contract: Contract) -> Cost: ...

    def call(self, contract: Contract) -> Call: ...

    def answer(self, outcome: Outcome) -> tuple[int, bytes, Headers]: ...

    @staticmethod
    def refuse(status: int, message: str) -> tuple[bytes, Headers]: ...


class FastPathProtocol(JsonErrorProtocol):
    """One connection to the Application."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.application = cast(Application, self.config.app)

    def give_up(self, cycle: Any) -> None:
        """Tell the code that answers a request that the client has gone."""
        if isinstance(cycle, _FastCycle):
            cycle.give_up()
        else:
            super().give_up(cycle)

    def begin_request(self) -> None:
        """Start to answer the request whose headers have come."""
        settings = self.application.state.settings
        if settings is not None and settings.service_path_prefix:
            self.url = below_prefix.without(self.url, settings.service_path_prefix)
        kind = self._kind() if self.parser.get_method() == b"POST" else None
        if kind is not None and self._is_ordinary():
            ids = read_ids(self.headers)
            if ids.too_long is None:
                application = self.application.chosen(ids.request_id, self.headers)
                self.cycle = _FastCycle(self, application, self.url, self.headers, kind, ids)
                return
        super().begin_request()

    def _kind(self) -> type[Question] | None:
        """The kind of request; None for a path that only the application knows."""
        if self.url == b"/score":
            return AzureRequest
        settings = self.application.state.settings
        if settings is not None and self.url == b"/v2/models/%b/infer" % settings.model_name.encode():
            return InferRequest
        return None

    def take_body(self, body: bytes) -> None:
        """Pass a piece of the body to the code that answers the request."""
        # Without uvicorn's flow control, which an ASGI application must release: the body's size is known and small.
        if isinstance(self.cycle, _FastCycle):
            self.cycle.take(body)
        else:
            super().take_body(body)

    def complete_request(self) -> None:
        """Tell the code that answers the request that it is complete."""
        if isinstance(self.cycle, _FastCycle) and self.cycle.more_body:
            self.cycle.more_body = False
            self.cycle.start()
        else:
            super().complete_request()

    def _is_ordinary(self) -> bool:
        if self.cycle is not None and not self.cycle.response_complete:
            return False
        state, canary = self.application.state, self.application.canary
        settings = state.settings
        if settings is None or not _is_simple(state) or not (canary is None or _is_simple(canary.application.state)):
            return False
        if self.expect_100_continue or self.parser.should_upgrade() or self.parser.get_http_version() != "1.1":
            return False
        largest = min(_LARGEST_BODY, settings.max_request_bytes)
        sized = False
        for name, value in self.headers:
            if name == b"content-length":
                sized = int(value) <= largest
            elif name in _COMPRESSED and self.url != b"/score":
                return False
        return sized


def _is_simple(state: ServerState) -> bool:
    """Whether a revision answers as the fast path does."""
    settings, contract = state.settings, state.contract
    if settings is None or contract is None:
        return False
    return not (settings.cors_origins or contract.mode == "http" or state.draining)


class _FastCycle:
    """One request on the fast path; in place of uvicorn's RequestResponseCycle, whose attributes it shares."""

    message_event = NobodyWaits()

    def __init__(
        self,
        protocol: FastPathProtocol,
        application: Application,
        url: bytes,
        headers: Headers,
        kind: type[Question],
        ids: RequestIds,
    ) -> None:
        self._pieces: list[bytes] = []
        self._held = application.state.bodies.hold()
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = protocol.parser.should_keep_alive()
        self._protocol = protocol
        self._application = application
        self._url = url
        self._scope = protocol.scope
        self._headers = headers
        self._kind = kind
        self._question: Question
        self._body: bytes | None = None
        self._ids = ids
        self._job: Job | None = None
        self._started = time.perf_counter()
        self._gone: asyncio.Future[None] | None = None

    def take(self, piece: bytes) -> None:
        """Keep a piece of the body, unless the request has been answered or there is no room for more of it."""
        if self.response_complete:
            return
        try:
            self._held.add(len(piece))
        except UnavailableError as error:
            self._deliver(error)
        else:
            self._pieces.append(piece)

    def start(self) -> None:
        """Ask for the answer: the request is complete."""
        if self.response_complete:
            return
        state = self._application.state
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._body = body if self._application.keeps else None
        self._pieces.clear()
        try:
            pool = state.dispatcher.check_room()
            self._question = self._kind.of(self._headers, body, pool.settings)
            if not self._question.cost(pool.contract).is_small:
                self._pass_on(body)
                return
            self._job = state.dispatcher.submit(self._question.call, self._ids.request_id, self._deliver)
        except (UnavailableError, BadRequestError) as error:
            self._deliver(error)
        except Exception:
            logger.exception("request %s: error in the server", one_word(self._ids.request_id))
            self._deliver(BadRequestError(500, "error in the scoring server; see its log"))

    def give_up(self) -> None:
        """Note that the client has gone, and count and log the request."""
        self.disconnected = True
        if self._job is not None:
            self._job.give_up()
        if self._gone is None:
            self._deliver(ClientGoneError())
        elif not self._gone.done():
            self._gone.set_result(None)

    def _deliver(self, received: Outcome | Exception) -> None:
        self._held.give_back()
        if self.response_complete:  # the client had gone before there was an outcome
            return
        if isinstance(received, ClientGoneError):
            self._answer(CLIENT_CLOSED_REQUEST, b"", [], None)
        elif isinstance(received, Exception):
            self._refuse(received)
        elif received.headers is not None and self._kind is AzureRequest:
            self._hand_over(received)
        elif isinstance(self._question, InferRequest) and not self._is_plain(received):
            self._protocol.loop.create_task(self._gather(self._question, received))
        else:
            self._answer(*self._question.answer(received), received)

    def _is_plain(self, outcome: Outcome) -> bool:
        return outcome.rest is None and cost.of_json(outcome.body).is_small

    async def _gather(self, question: InferRequest, outcome: Outcome) -> None:
        """Collect an answer that is large or comes in pieces, and encode it in a dialect that needs all of it."""
        state = self._application.state
        self._gone = gone = asyncio.get_running_loop().create_future()
        try:
            with state.bodies.hold() as held:
                settings = state.dispatcher.check_room().settings
                whole = outcome._replace(body=await collect(outcome, settings, gone, held), rest=None)
                if whole.status >= 400:
                    self._answer(*question.answer(whole), outcome)
                    return
                contract = question.contract
                made = await state.decoder.encode(question.encode, whole, contract, cost.of_json, settings, gone)
                self._answer(*question.good_answer(made), outcome)
        except BrokenOffError:
            self._refuse(BadRequestError(500, "the script's answer has broken off"), outcome)
        except ClientGoneError:
            self._answer(CLIENT_CLOSED_REQUEST, b"", [], outcome)
        except (BadRequestError, UnavailableError) as error:
            self._refuse(error, outcome)
        except Exception:
            logger.exception("request %s: error in the server", one_word(self._ids.request_id))
            self._refuse(BadRequestError(500, "error in the scoring server; see its log"), outcome)

    def _end(self) -> None:
        self.response_complete = True
        # The job holds on to us: without this, bodies would stay until the collector comes, and keep it busy.
        self._job = self._body = None
        self._pieces.clear()

    def _refuse(self, error: Exception, outcome: Outcome | None = None) -> None:
        status = error.status if isinstance(error, BadRequestError) else 503
        body, headers = self._kind.refuse(status, str(error))
        self._answer(status, body, headers if status != 503 else [*headers, *RETRY], outcome)

    def _hand_over(self, outcome: Outcome) -> None:
        """Leave a response that the script made itself to the application."""
        ids, started, body = self._ids, self._started, self._body

        async def finish(scope: Scope, receive: Receive, send: Send) -> None:
            await self._application.finish(ids, scope, receive, send, body, outcome, started)

        self._leave_to(finish, b"")

    def _pass_on(self, body: bytes) -> None:
        """Leave a request that takes long to decode to the application."""
        self._held.give_back()
        self._scope["path"], self._scope["raw_path"], self._scope["query_string"] = self._url.decode(), self._url, b""
        self._leave_to(self._application.respond, body)

    def _leave_to(self, application: ASGIApp, body: bytes) -> None:
        protocol = self._protocol
        self._scope["method"] = "POST"
        self._end()
        cycle = RequestResponseCycle(
            scope=self._scope,
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
        if body:
            cycle.body += body
            cycle.message_event.set()
        if protocol.cycle is self:  # and not one that the client has sent behind it
            protocol.cycle = cycle
        protocol._start_asgi_task(cycle, cast(Any, application))

    def _answer(self, status: int, body: bytes, headers: Headers, outcome: Outcome | None) -> None:
        protocol, application = self._protocol, self._application
        total = time.perf_counter() - self._started
        asked = self._body
        self._end()
        transport = protocol.transport
        if self.disconnected or transport.is_closing():
            status = CLIENT_CLOSED_REQUEST
        else:
            all_headers = [*headers, *protocol.server_state.default_headers]
            all_headers += common_headers(self._ids, application.state.settings, outcome)
            ends = application.state.draining or not self.keep_alive
            if ends:
                all_headers.append((b"connection", b"close"))
            transport.write(response(status, all_headers, body))
            if ends:
                transport.close()
            protocol.on_response_complete()
        application.count(self._kind.dialect, status, self._started, outcome)
        log_request(self._ids.request_id, "POST", self._url.decode("latin-1"), status, total * 1000)
        takers = application.next_takers() if application.keeps else ()
        if takers:
            exchange = Exchange(
                time=time.time() - total,
                request_id=self._ids.request_id,
                origin=application.state.origin(outcome),
                dialect=self._kind.dialect,
                method="POST",
                path=self._url.decode("latin-1"),
                query="",
                headers=self._headers,
                body=asked,
                status=status,
                answer_headers=headers,
                answer=b"" if status == CLIENT_CLOSED_REQUEST else short(body),
                milliseconds=total * 1000,
                id_is_ours=self._ids.is_ours,
            )
            for take in takers:
                take(exchange)
