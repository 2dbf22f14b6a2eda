"""The Azure ML dialect of /score: request ids in, headers and status out."""

from __future__ import annotations

import uuid
from typing import NamedTuple

import localmodel_server
from localmodel_worker.frames import Frame

Headers = list[tuple[bytes, bytes]]

_LONGEST_ID = 100
_VERSION = f"localmodel/{localmodel_server.__version__}".encode()
_REQUEST_ID = b"x-request-id"
_CLIENT_ID = b"x-ms-client-request-id"
_OLD_ID = b"x-ms-request-id"
_TRACE_ID = b"traceid"


class RequestIds(NamedTuple):
    """The ids of one request: what to echo, and the name of an id that is too long to echo, if any."""

    request_id: str
    echo: Headers
    too_long: str | None


def read_ids(headers: Headers) -> RequestIds:
    """Read the ids from request headers (names in lower case); a missing request id is made up."""
    given = {name: value for name, value in headers if name in (_REQUEST_ID, _CLIENT_ID, _OLD_ID, _TRACE_ID)}
    too_long = [name for name, value in given.items() if len(value) > _LONGEST_ID]
    for name in too_long:
        del given[name]
    request_id = given.get(_REQUEST_ID) or str(uuid.uuid4()).encode()
    client_id = given.get(_CLIENT_ID)
    echo = [(_REQUEST_ID, request_id), (_OLD_ID, given.get(_OLD_ID) or client_id or request_id)]
    if client_id:
        echo.append((_CLIENT_ID, client_id))
    if _TRACE_ID in given:
        echo.append((_TRACE_ID, given[_TRACE_ID]))
    return RequestIds(request_id.decode("latin-1"), echo, too_long[0].decode() if too_long else None)


def common_headers(ids: RequestIds, revision: str) -> Headers:
    """The headers of every answer, on any path."""
    return [*ids.echo, (b"x-ms-server-version", _VERSION), (b"x-localmodel-revision", revision.encode())]


def score_headers(answer: Frame | None) -> Headers:
    """The headers of an answer on /score; None when no worker has answered."""
    if answer is None:
        return [(b"x-ms-run-function-failed", b"False")]
    headers = [(b"x-ms-run-function-failed", str(answer.head["failed"]).encode())]
    if answer.head["status"] == 200:
        headers.append((b"x-ms-run-fn-exec-ms", f"{answer.head['ms']:.3f}".encode()))
    return headers
