"""What was captured, as requests that can be asked again."""

from __future__ import annotations

import base64
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from localmodel_untrusted import captured_lines, repeatable
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse

_MOST_BYTES = 32 << 20


class Request(NamedTuple):
    """A request; path has its query, too."""

    method: str
    path: str
    body: bytes
    content_type: str


def last(folder: Path, count: int) -> tuple[list[Request], Counter[str]]:
    """The last requests, the latest first, and how many of them cannot be asked, by why.

    Raises:
        OSError: the folder may not be read.
    """
    requests: list[Request] = []
    left_out = Counter[str]()
    for line in reversed(captured_lines.last(str(folder), count, _MOST_BYTES)):
        try:
            requests.append(_request(parse(line)))
        except _NotAskedError as error:
            left_out[str(error)] += 1
        except (UnreadableError, AttributeError, KeyError, TypeError, ValueError):
            left_out["the record is not valid"] += 1
    return requests, left_out


class _NotAskedError(Exception):
    """Why a request is not asked again."""


def _request(record: Any) -> Request:
    path, query, method = record["path"], record["query"], record["method"]
    if "body_base64" in record:
        body = base64.b64decode(record["body_base64"], validate=True)
    elif "body" in record:
        body = record["body"].encode()
    else:
        raise _NotAskedError("the request was not kept")
    if record["status"] == 499:
        raise _NotAskedError("the client had left")
    if record["status"] >= 500:
        # Whatever failed then, such as a worker that died of it, would fail beside clients' requests now.
        raise _NotAskedError("it had failed")
    if repeatable.is_redacted(body, path, query):
        raise _NotAskedError("values in it are redacted")
    address = f"{path}?{query}" if query else path
    content_type = record["headers"].get("content-type") or repeatable.JSON
    if method not in ("GET", "POST") or not repeatable.is_sendable(address, content_type):
        raise _NotAskedError("it is not a request that a client can send")
    return Request(method, address, body, content_type)
