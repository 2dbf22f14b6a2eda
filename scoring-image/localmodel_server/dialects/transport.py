"""What every dialect's routes do around their decode and encode: read, ask the script, answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from localmodel_server.body_budget import HeldBody
from localmodel_server.call import CLIENT_CLOSED_REQUEST, Call, ClientGone, Headers, Outcome
from localmodel_server.contract import Contract
from localmodel_server.dialects.bad_request import BadRequest
from localmodel_server.dialects.compression import compress, inflate
from localmodel_server.dialects.json_text import message_of
from localmodel_server.dialects.script_call import Target
from localmodel_server.dispatcher import Unavailable
from localmodel_server.exchange import OUTCOME, REQUEST_ID, BodyTooLarge, read_body, wait_until_gone, without_ours
from localmodel_server.pieces import BrokenOff
from localmodel_server.state import ServerState

_LARGE = 1 << 18  # bytes from which compression would hold other requests up


class Dialect(NamedTuple):
    """Its name in the metrics, its error bodies by status and message, and whether its answers are compressed."""

    name: str
    error_body: Callable[[int, str], bytes]
    compressed: bool = False


class Answer(NamedTuple):
    """A whole answer with status 200."""

    body: bytes
    headers: Headers


class Reading(NamedTuple):
    """A decoded request: the call, and what turns its outcome, with the result in JSON, into the answer.

    Without encode the outcome is the answer as it is.
    """

    call: Call
    encode: Callable[[Outcome, bytes, Contract], Answer] | None


Decode = Callable[[bytes, Headers, Target], Reading]


async def answer(state: ServerState, request: Request, dialect: Dialect, decode: Decode) -> Response:
    """Answer one request that the script has to see; errors are answered in the dialect's own form."""
    started = time.perf_counter()
    outcome: list[Outcome] = []
    try:
        with state.bodies.hold() as held:
            response = await _answer(state, request, dialect, decode, outcome, held)
    except (BadRequest, Unavailable, BrokenOff) as error:
        response = refusal(dialect, error)
    except ClientGone:
        response = Response(status_code=CLIENT_CLOSED_REQUEST)
    queue = outcome[0].queued if outcome else None
    run = outcome[0].run_ms if outcome else None
    seconds = time.perf_counter() - started
    state.metrics.answered(dialect.name, response.status_code, seconds, queue, None if run is None else run / 1000)
    return response


def refusal(dialect: Dialect, error: Exception) -> Response:
    """The answer to a request that went wrong outside of the script."""
    if isinstance(error, BadRequest):
        return failure(dialect, error.status, str(error))
    if isinstance(error, Unavailable):
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
    state: ServerState, request: Request, dialect: Dialect, decode: Decode, outcomes: list[Outcome], held: HeldBody
) -> Response:
    settings = state.dispatcher.check_room().settings
    body = await _read(request, settings.max_request_bytes, held)
    headers = _headers(request, len(body))
    readings: list[tuple[Reading, Contract]] = []

    def make_call(contract: Contract) -> Call:
        # Called again when another revision comes before the request's turn.
        reading = decode(body, headers, Target(contract, settings.input_key))
        readings.append((reading, contract))
        wants_headers = contract.wants_headers or contract.mode == "http"
        return reading.call if wants_headers else reading.call._replace(headers=[])

    gone = asyncio.ensure_future(wait_until_gone(request.receive))
    try:
        outcome = await state.dispatcher.ask(make_call, str(request.scope.get(REQUEST_ID, "")), gone)
        outcomes.append(outcome)
        request.scope[OUTCOME] = outcome
        reading, contract = readings[-1]
        if reading.encode is None:
            return _as_it_is(outcome)
        result = await _whole(outcome)
    finally:
        gone.cancel()
    if outcome.status >= 400:
        return failure(dialect, outcome.status, message_of(result))
    made = reading.encode(outcome, result, contract)
    return await _compressed(made, request) if dialect.compressed else respond(200, *made)


def _headers(request: Request, length: int) -> Headers:
    """The request's headers as they would be had its body not been compressed."""
    headers: Headers = request.scope["headers"]
    if "content-encoding" not in request.headers:
        return headers
    kept = [header for header in headers if header[0] not in (b"content-encoding", b"content-length")]
    return [*kept, (b"content-length", str(length).encode())]


async def _read(request: Request, limit: int, held: HeldBody) -> bytes:
    try:
        body = await read_body(request.receive, request.scope, limit, held)
    except BodyTooLarge as error:
        raise BadRequest(413, str(error)) from None
    encoding = request.headers.get("content-encoding", "")
    if not encoding:
        return body
    if len(body) < _LARGE:
        inflated = inflate(body, encoding, limit)
    else:
        inflated = await asyncio.get_running_loop().run_in_executor(None, inflate, body, encoding, limit)
    held.add(len(inflated))
    return inflated


async def _compressed(made: Answer, request: Request) -> Response:
    accepted = request.headers.get("accept-encoding", "")
    if len(made.body) < _LARGE or not accepted:
        body, encoding = compress(made.body, accepted)
    else:
        body, encoding = await asyncio.get_running_loop().run_in_executor(None, compress, made.body, accepted)
    vary: Headers = [(b"vary", b"Accept-Encoding")]
    added = [*vary, (b"content-encoding", encoding.encode())] if encoding else vary
    return respond(200, body, [*made.headers, *added])


async def _whole(outcome: Outcome) -> bytes:
    if outcome.rest is None:
        return outcome.body
    return b"".join([outcome.body, *[piece async for piece in _pieces(outcome)]])


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
