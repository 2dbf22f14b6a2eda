"""The ASGI application: ids, headers and log around /score and the health routes."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localmodel_server.azure import Headers, RequestIds, common_headers, read_ids, score_headers
from localmodel_server.exchange import ClientGone, message_body, send_json
from localmodel_server.health import PROBE_PATHS, build_health_app
from localmodel_server.log import log_request, logger
from localmodel_server.score import Answer, score
from localmodel_server.state import ServerState

_CLIENT_CLOSED_REQUEST = 499


class Application:
    """What uvicorn calls for every request."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._health: ASGIApp = build_health_app(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        ids = read_ids(scope["headers"])
        if ids.too_long is not None:
            message = f"the header {ids.too_long} is longer than 100 characters"
            status = await self._send(ids, send, Answer(431, message_body(message), []))
        elif scope["path"] == "/score":
            status = await self._score(ids, scope, receive, send)
        else:
            status = await self._pass_on(ids, scope, receive, send)
        if scope["path"] not in PROBE_PATHS:
            milliseconds = (time.perf_counter() - started) * 1000
            # The raw path: a decoded one may hold line breaks.
            path = scope["raw_path"].decode("latin-1")
            log_request(ids.request_id, scope["method"], path, status, milliseconds)

    async def _score(self, ids: RequestIds, scope: Scope, receive: Receive, send: Send) -> int:
        try:
            answer = await score(self._state.dispatcher, ids.request_id, scope, receive)
        except ClientGone:
            return _CLIENT_CLOSED_REQUEST
        except asyncio.CancelledError:
            # uvicorn does this when a request is still running at the end of the time to stop.
            answer = Answer(503, message_body("the server stopped before it could answer"), score_headers(None))
        except Exception:
            logger.exception("request %s: error in the server", ids.request_id)
            answer = Answer(500, message_body("error in the scoring server; see its log"), score_headers(None))
        return await self._send(ids, send, answer)

    async def _send(self, ids: RequestIds, send: Send, answer: Answer) -> int:
        headers = [*answer.headers, *self._headers(ids, answer.revision)]
        await send_json(send, answer.status, answer.body, headers)
        return answer.status

    async def _pass_on(self, ids: RequestIds, scope: Scope, receive: Receive, send: Send) -> int:
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *self._headers(ids, None)]
            await send(message)

        await self._health(scope, receive, send_with_headers)
        return status

    def _headers(self, ids: RequestIds, revision: str | None) -> Headers:
        headers = common_headers(ids, self._state.revision if revision is None else revision)
        if self._state.draining:
            headers.append((b"connection", b"close"))
        return headers
