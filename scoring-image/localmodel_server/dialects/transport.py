"""What the routes of every dialect share: read a request, ask the script, answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO
from itertools import chain, islice, repeat
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from localmodel_server.errors import BadRequestError, ClientGoneError, UnavailableError
from localmodel_server.log import logger, one_word
from localmodel_server.messages.asgi import (
    DIALECT,
    OUTCOME,
    REQUEST_ID,
    BodyTooLargeError,
    read_body,
    wait_until_gone,
    without_ours,
)
from localmodel_server.messages.body_budget import HeldBody
from localmodel_server.messages.body_stream import BrokenOffError
from localmodel_server.messages.call import CLIENT_CLOSED_REQUEST, Call, Headers, Outcome
from localmodel_server.messages.collected import collect
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import MOST_ON_LOOP, Estimate
from localmodel_server.payloads.compression import VARY, compress, inflate
from localmodel_server.payloads.decoded import Decode, DecodedRequest, EncodedAnswer
from localmodel_server.payloads.json_text import message_of
from localmodel_server.payloads.script_call import Target
from localmodel_server.state import ServerState

_LARGE = 1 << 18  # bytes from which compression would hold other requests up
_PIECES_ON_LOOP = 2


class Dialect(NamedTuple):
    """A dialect: its name in the metrics, its error bodies, what its requests cost to decode, and whether its answers
    are compressed."""

    name: str
    error_body: Callable[[int, str], bytes]
    cost: Estimate
    compressed: bool = False


class StaleError(BadRequestError):
    """A revision with another contract serves since the request was decoded."""

    def __init__(self) -> None:
        super().__init__(503, "the revision has changed")


async def answer(
    state: ServerState, request: Request, dialect: Dialect, decode: Decode, check: Callable[[], None] = lambda: None
) -> Response:
    """Answer one request that goes to the script; errors have the dialect's own form.

    `check` raises BadRequestError or UnavailableError for a request to another model.
    """
    started = time.perf_counter()
    request.scope[DIALECT] = dialect.name
    outcome: list[Outcome] = []
    try:
        with state.bodies.hold() as held:
            response = await _answer(state, request, dialect, decode, check, outcome, held)
    except (BadRequestError, UnavailableError, BrokenOffError) as error:
        response = refusal(dialect, error)
    except ClientGoneError:
        response = Response(status_code=CLIENT_CLOSED_REQUEST)
    except Exception:
        logger.exception("request %s: error in the server", one_word(str(request.scope.get(REQUEST_ID, ""))))
        response = failure(dialect, 500, "error in the scoring server; see its log")
    queue = outcome[0].queued if outcome else None
    run = outcome[0].run_ms if outcome else None
    seconds = time.perf_counter() - started
    state.metrics.answered(dialect.name, response.status_code, seconds, queue, None if run is None else run / 1000)
    return response


def refusal(dialect: Dialect, error: Exception) -> Response:
    """The answer to a request that failed outside the script."""
    if isinstance(error, BadRequestError):
        return failure(dialect, error.status, str(error))
    if isinstance(error, UnavailableError):
        return failure(dialect, 503, str(error), [(b"retry-after", b"1")])
    return failure(dialect, 500, "the script's answer has broken off")


def failure(dialect: Dialect, status: int, message: str, headers: Headers | None = None) -> Response:
    """An error answer."""
    body = dialect.error_body(status, message)
    return respond(status, body, [(b"content-type", b"application/json"), *(headers or [])])


def respond(status: int, body: bytes, headers: Headers) -> Response:
    """An answer with these headers and the body's length."""
    response = Response(status_code=status)
    response.body = body
    response.raw_headers = [*headers, (b"content-length", str(len(body)).encode())]
    return response


async def _answer(
    state: ServerState,
    request: Request,
    dialect: Dialect,
    decode: Decode,
    check: Callable[[], None],
    outcomes: list[Outcome],
    held: HeldBody,
) -> Response:
    settings = state.dispatcher.check_room().settings
    body = await _read(state, request, settings.max_request_bytes, held)
    headers = _headers(request, len(body))
    gone = asyncio.ensure_future(wait_until_gone(request.receive))
    try:
        asking = Asking(state, body, headers, dialect.cost, decode, check, gone, held)
        outcome = await asking.ask(str(request.scope.get(REQUEST_ID, "")))
        outcomes.append(outcome)
        request.scope[OUTCOME] = outcome
        _, encode, cost = asking.reading
        if encode is None:
            return _as_it_is(outcome)
        whole = outcome._replace(body=await collect(outcome, settings, gone, held), rest=None)
        if whole.status >= 400:
            return failure(dialect, whole.status, message_of(whole.body))
        made = await state.decoder.encode(encode, whole, asking.contract, cost, settings, gone)
    finally:
        gone.cancel()
    return await _compressed(made, request) if dialect.compressed else respond(200, *made)


class Asking:
    """One request: a small one is decoded on the event loop, a large one before it is queued."""

    def __init__(
        self,
        state: ServerState,
        body: bytes,
        headers: Headers,
        cost: Estimate,
        decode: Decode,
        check: Callable[[], None],
        gone: asyncio.Future[None],
        held: HeldBody,
    ) -> None:
        self._state = state
        self._body = body
        self._headers = headers
        self._cost = cost
        self._decode = decode
        self._check = check
        self._gone = gone
        self._held = held
        self.reading: DecodedRequest
        self.contract = Contract()

    async def ask(self, request_id: str) -> Outcome:
        """The outcome.

        Raises:
            BadRequestError
            UnavailableError
            ClientGoneError
        """
        while True:
            pool = self._state.dispatcher.check_room()
            self._check()
            if self._cost(self._body, self._headers, pool.contract, MOST_ON_LOOP).is_small:
                make_call = self._decode_here
            else:
                self.contract = pool.contract
                target = Target(pool.contract, pool.settings.input_key)
                self.reading = await self._state.decoder.decode(
                    self._decode, self._body, self._headers, target, self._cost, pool.settings, self._gone, self._held
                )
                make_call = self._decoded
            with contextlib.suppress(StaleError):
                return await self._state.dispatcher.ask(make_call, request_id, self._gone)

    def _decode_here(self, contract: Contract) -> Call:
        # Called again when another revision comes before the request's turn.
        settings = self._state.dispatcher.check_room().settings
        self._check()
        self.reading = self._decode(self._body, self._headers, Target(contract, settings.input_key))
        self.contract = contract
        return self._call()

    def _decoded(self, contract: Contract) -> Call:
        self._check()
        if contract != self.contract:
            raise StaleError
        return self._call()

    def _call(self) -> Call:
        wants_headers = self.contract.wants_headers or self.contract.mode == "http"
        return self.reading.call if wants_headers else self.reading.call._replace(headers=[])


def _headers(request: Request, length: int) -> Headers:
    """The request's headers as if its body had not been compressed."""
    headers: Headers = request.scope["headers"]
    if "content-encoding" not in request.headers:
        return headers
    kept = [header for header in headers if header[0] not in (b"content-encoding", b"content-length")]
    return [*kept, (b"content-length", str(length).encode())]


async def _read(state: ServerState, request: Request, limit: int, held: HeldBody) -> bytes:
    try:
        body = await read_body(request.receive, request.scope, limit, held)
    except BodyTooLargeError as error:
        raise BadRequestError(413, str(error)) from None
    encoding = request.headers.get("content-encoding", "")
    return await _inflated(state, body, encoding, limit, held) if encoding else body


async def _inflated(state: ServerState, body: bytes, encoding: str, limit: int, held: HeldBody) -> bytes:
    """The body without its encoding, which held counts while it is made.

    Raises:
        BadRequestError
        UnavailableError
    """
    pieces: Iterator[bytes | None] = chain(inflate(body, encoding, limit), repeat(None))
    inflated = BytesIO()

    def keep(piece: bytes | None) -> bool:
        held.add(len(piece or b""))
        inflated.write(piece or b"")
        return piece is not None

    if all(map(keep, islice(pieces, _PIECES_ON_LOOP))):
        # Large ones one after the other: many that grow at the same time take up to twice the room.
        async with state.inflating:
            while keep(await asyncio.get_running_loop().run_in_executor(None, next, pieces)):
                pass
    return inflated.getvalue()


async def _compressed(made: EncodedAnswer, request: Request) -> Response:
    accepted = request.headers.get("accept-encoding", "")
    if len(made.body) < _LARGE or not accepted:
        body, encoding = compress(made.body, accepted)
    else:
        body, encoding = await asyncio.get_running_loop().run_in_executor(None, compress, made.body, accepted)
    coded: Headers = [(b"content-encoding", encoding.encode())] if encoding else []
    return respond(200, body, [*made.headers, VARY, *coded])


def _as_it_is(outcome: Outcome) -> Response:
    if outcome.headers is None:
        return respond(outcome.status, outcome.body, [(b"content-type", b"application/json")])
    headers = without_ours(outcome.headers)
    if outcome.rest is None:
        return respond(outcome.status, outcome.body, headers)
    response = StreamingResponse(_pieces(outcome, outcome.body), outcome.status)
    response.raw_headers = headers
    return response


async def _pieces(outcome: Outcome, first: Any = b"") -> AsyncIterator[bytes]:
    """What follows the first piece, and that itself unless it is empty."""
    if first:
        yield first
    rest = outcome.rest
    if rest is None:
        return
    try:
        piece = await rest.next()
        while piece is not None:
            yield piece
            piece = await rest.next()
    finally:
        rest.stop()
