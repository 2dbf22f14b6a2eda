"""POST /score: from a request's bytes to a worker and back. The hot path: plain ASGI, no models, no copies."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from starlette.types import Receive, Scope

from localmodel_server.azure import Headers, score_headers
from localmodel_server.dispatcher import Dispatcher, Lease, Unavailable
from localmodel_server.exchange import BodyTooLarge, ClientGone, message_body, read_body, wait_until_gone
from localmodel_server.worker_process import WorkerDied, WorkerTimeout
from localmodel_worker.frames import Frame

_RETRY: Headers = [(b"retry-after", b"1")]
_FAILED: Headers = [(b"x-ms-run-function-failed", b"True")]


class Answer(NamedTuple):
    """What to send; revision is None when no revision has seen the request."""

    status: int
    body: bytes
    headers: Headers
    revision: str | None = None


async def score(dispatcher: Dispatcher, request_id: str, scope: Scope, receive: Receive) -> Answer:
    """Answer one scoring request; raises ClientGone when nobody waits for the answer any more."""
    if scope["method"] != "POST":
        headers = [*score_headers(None), (b"allow", b"POST")]
        return Answer(405, message_body(f"{scope['method']} is not allowed on /score; use POST"), headers)
    try:
        limit = dispatcher.check_room().settings.max_request_bytes
        body = await read_body(receive, scope, limit)
        lease = await _take_worker(dispatcher, receive)
    except Unavailable as error:
        return Answer(503, message_body(str(error)), _RETRY + score_headers(None))
    except BodyTooLarge:
        text = f"the request's body is larger than {limit} bytes (LOCALMODEL_MAX_REQUEST_BYTES)"
        return Answer(413, message_body(text), score_headers(None))
    try:
        return await _run(lease, request_id, body)
    finally:
        lease.release()


async def _run(lease: Lease, request_id: str, body: bytes) -> Answer:
    revision = lease.pool.settings.revision
    try:
        frame: Frame = await lease.worker.call({"id": request_id}, body)
    except (WorkerDied, WorkerTimeout) as error:
        return Answer(500, message_body(str(error)), _FAILED, revision)
    return Answer(frame.head["status"], frame.body, score_headers(frame), revision)


async def _take_worker(dispatcher: Dispatcher, receive: Receive) -> Lease:
    while True:
        lease = dispatcher.take() or await _wait_for_worker(dispatcher, receive)
        # A worker may have died since it was set free for this request, which it has not seen.
        if lease.worker.usable:
            return lease
        lease.release()


async def _wait_for_worker(dispatcher: Dispatcher, receive: Receive) -> Lease:
    gone = asyncio.create_task(wait_until_gone(receive))
    try:
        lease = await dispatcher.wait_for_worker(gone)
    finally:
        gone.cancel()
    if lease is None:
        raise ClientGone
    return lease
