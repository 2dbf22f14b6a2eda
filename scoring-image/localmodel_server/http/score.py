"""/score on plain ASGI: from a request's bytes to a worker and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from localmodel_server.dialects import score_request
from localmodel_server.dialects.score_request import ScoreRequest
from localmodel_server.dialects.transport import Asking
from localmodel_server.errors import BadRequestError, UnavailableError
from localmodel_server.messages.asgi import (
    BodyTooLargeError,
    message_body,
    read_body,
    send_json,
    send_pieces,
    send_whole,
    wait_until_gone,
    without_ours,
)
from localmodel_server.messages.body_budget import HeldBody
from localmodel_server.messages.body_stream import BrokenOffError
from localmodel_server.messages.call import CLIENT_CLOSED_REQUEST, Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.payloads.azure import NOT_RUN, score_headers
from localmodel_server.state import ServerState

RETRY: Headers = [(b"retry-after", b"1")]
_METHODS = ("GET", "POST", "OPTIONS")


class EarlyAnswer(Exception):
    """Answers a request without a call of run(); `headers` are those of this answer alone."""

    def __init__(self, status: int, message: str, headers: Headers) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers

    @property
    def body(self) -> bytes:
        """The JSON body; that of a success is empty."""
        return message_body(str(self)) if self.status >= 400 else b""


def refusal(error: Exception) -> EarlyAnswer:
    """The answer to a request that never reaches run()."""
    if isinstance(error, UnavailableError):
        return EarlyAnswer(503, str(error), RETRY + NOT_RUN)
    if isinstance(error, BadRequestError):
        return EarlyAnswer(error.status, str(error), NOT_RUN)
    raise error


async def score(
    state: ServerState,
    request_id: str,
    scope: Scope,
    receive: Receive,
    send: Send,
    headers_for: Callable[[Outcome], Headers],
) -> tuple[Outcome, int]:
    """Answer one request to /score; headers_for gives the headers of every answer.

    Returns the outcome, and the status for the log and the metrics.

    Raises:
        EarlyAnswer: before anything is sent.
        ClientGoneError: nobody waits for the answer any more.
    """
    try:
        with state.bodies.hold() as held:
            request = await _read(state, scope, receive, held)
            gone = asyncio.ensure_future(wait_until_gone(receive))
            try:
                outcome = await _ask(state, request, request_id, gone, held)
                return outcome, await send_outcome(send, outcome, headers_for(outcome), gone)
            finally:
                gone.cancel()
    except (UnavailableError, BadRequestError) as error:
        raise refusal(error) from error


async def _ask(
    state: ServerState, request: ScoreRequest, request_id: str, gone: asyncio.Future[None], held: HeldBody
) -> Outcome:
    if request.cost(state.dispatcher.check_room().contract).is_small:
        return await state.dispatcher.ask(request.call, request_id, gone)
    take = (score_request.cost, score_request.read, lambda: None)
    return await Asking(state, request.body, request.headers, *take, gone, held).ask(request_id)


async def _read(state: ServerState, scope: Scope, receive: Receive, held: HeldBody) -> ScoreRequest:
    settings = state.dispatcher.check_room().settings
    _check_method(scope["method"], state.contract)
    try:
        body = await read_body(receive, scope, settings.max_request_bytes, held)
    except BodyTooLargeError as error:
        raise EarlyAnswer(413, str(error), NOT_RUN) from None
    return ScoreRequest(scope["method"], scope["query_string"], scope["headers"], body, settings.strict)


async def send_outcome(send: Send, outcome: Outcome, headers: Headers, gone: asyncio.Future[None]) -> int:
    """Send an outcome; headers are those of every answer. Returns the status for the log and the metrics."""
    headers = [*score_headers(outcome), *headers]
    if outcome.headers is None:
        await send_json(send, outcome.status, outcome.body, headers)
        return outcome.status
    headers = [*without_ours(outcome.headers), *headers]
    if outcome.rest is None:
        await send_whole(send, outcome.status, outcome.body, headers)
        return outcome.status
    try:
        await send_pieces(send, outcome.status, outcome.rest, headers, gone)
    except BrokenOffError:
        return CLIENT_CLOSED_REQUEST
    return outcome.status


def _check_method(method: str, contract: Contract | None) -> None:
    if method not in _METHODS:
        text = f"{method} is not allowed on /score; use POST"
        raise EarlyAnswer(405, text, [*NOT_RUN, (b"allow", b"GET, OPTIONS, POST")])
    if method == "OPTIONS" and (contract is None or contract.mode != "http"):
        raise EarlyAnswer(200, "", [*NOT_RUN, (b"allow", b"GET, OPTIONS, POST")])
