"""An exchange as one line of JSON: the record that docs/how-to/capture.md describes."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import orjson

from localmodel_server.capture.exchange import LONGEST, NOT_KEPT, Exchange, short
from localmodel_server.capture.redact import CannotRedactError, Parts, Redactor
from localmodel_server.configuration.capture import CaptureSettings
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Headers
from localmodel_server.payloads.compression import inflate

_MOST_QUICK_BYTES = 64 << 10


def line(exchange: Exchange, settings: CaptureSettings, redactor: Redactor | None) -> bytes:
    """The exchange's record, with a line break."""
    return orjson.dumps(_record(exchange, settings, redactor), option=orjson.OPT_APPEND_NEWLINE)


def is_quick(exchange: Exchange, settings: CaptureSettings) -> bool:
    """Whether the record is made in microseconds: it is short, and nothing of it is redacted or inflated."""
    if settings.redact or len(exchange.body or b"") + len(exchange.answer or b"") > _MOST_QUICK_BYTES:
        return False
    return exchange.dialect == "azure" or not any(
        _header(headers, b"content-encoding") for headers in (exchange.headers, exchange.answer_headers)
    )


def _record(exchange: Exchange, settings: CaptureSettings, redactor: Redactor | None) -> dict[str, Any]:
    parts = Parts(
        exchange.request_id,
        exchange.path,
        exchange.query,
        _headers(exchange.headers, settings),
        _plain(exchange.body, exchange.headers, exchange.dialect),
        _plain(exchange.answer, exchange.answer_headers, exchange.dialect) if settings.answers else None,
        _header(exchange.answer_headers, b"content-type"),
    )
    left_out = {}
    if parts.body is None:
        left_out["body"] = f"it is {NOT_KEPT}"
    if parts.answer is None and settings.answers:
        left_out["answer"] = f"it is {NOT_KEPT}"
    if redactor is not None:
        try:
            parts = redactor.redact(parts)
        except (CannotRedactError, RecursionError) as error:
            why = str(error) if isinstance(error, CannotRedactError) else "it is nested too deeply"
            left_out = dict.fromkeys(("body", "answer", "headers", "path", "query"), why)
            request_id = parts.request_id if exchange.id_is_ours else redactor.mask(parts.request_id)
            parts = Parts(request_id, "", "", {}, None, None, "")
    request_id, path, query, headers, body, answer, answer_type = parts
    record: dict[str, Any] = {
        "id": request_id,
        "time": _time(exchange.time),
        "revision": exchange.origin[0],
        "models": exchange.origin[1],
        "dialect": exchange.dialect,
        "method": exchange.method,
        "path": path,
        "query": query,
        "headers": headers,
    }
    _write(record, "body", body)
    record["status"] = exchange.status
    record["answer_type"] = answer_type
    _write(record, "answer", answer)
    record["ms"] = round(exchange.milliseconds, 3)
    if left_out:
        record["left_out"] = left_out
    return record


def _time(seconds: float) -> str:
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1e6):06d}+00:00"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    # datetime.UTC came after Python 3.9.
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")  # noqa: UP017


def _headers(headers: Headers, settings: CaptureSettings) -> dict[str, str]:
    """The headers that are kept; the content type always is, because the body means nothing without it."""
    return {
        key: value.decode("latin-1")
        for name, value in headers
        if (key := name.decode("latin-1")) == "content-type" or key in settings.headers
    }


def _plain(content: bytes | None, headers: Headers, dialect: str) -> bytes | None:
    """The content without its compression, which scripts behind /score see and the other dialects do not."""
    encoding = _header(headers, b"content-encoding")
    if not content or not encoding or dialect == "azure":
        return content
    try:
        return short(b"".join(inflate(content, encoding, LONGEST)))
    except BadRequestError:
        return None


def _header(headers: Headers, name: bytes) -> str:
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return ""


def _write(record: dict[str, Any], name: str, content: bytes | None) -> None:
    if content is None:
        return
    try:
        record[name] = content.decode()
    except UnicodeDecodeError:
        record[f"{name}_base64"] = base64.b64encode(content).decode()
