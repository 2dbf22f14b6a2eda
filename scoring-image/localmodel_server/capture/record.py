"""An exchange as one line of JSON: the record that docs/how-to/capture.md describes."""

from __future__ import annotations

import base64
from datetime import datetime, timezone
from typing import Any

import orjson

from localmodel_server.capture.exchange import LONGEST, NOT_KEPT, Exchange, short
from localmodel_server.capture.redact import CannotRedactError, Parts, Redactor
from localmodel_server.configuration.capture import CaptureSettings
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Headers
from localmodel_server.payloads.compression import inflate


def line(exchange: Exchange, settings: CaptureSettings, redactor: Redactor | None) -> bytes:
    """The exchange's record, with a line break."""
    return orjson.dumps(_record(exchange, settings, redactor), option=orjson.OPT_APPEND_NEWLINE)


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
    wanted = {"body": parts.body, **({"answer": parts.answer} if settings.answers else {})}
    left_out = {name: f"it is {NOT_KEPT}" for name, content in wanted.items() if content is None}
    if redactor is not None:
        try:
            parts = redactor.redact(parts)
        except (CannotRedactError, RecursionError) as error:
            why = str(error) if isinstance(error, CannotRedactError) else "it is nested too deeply"
            left_out = dict.fromkeys(("body", "answer", "headers", "path", "query"), why)
            request_id = parts.request_id if exchange.id_is_ours else redactor.mask(parts.request_id)
            parts = Parts(request_id, "", "", {}, None, None, "")
    return {
        "id": parts.request_id,
        "time": _time(exchange.time),
        "revision": exchange.origin[0],
        "models": exchange.origin[1],
        "dialect": exchange.dialect,
        "method": exchange.method,
        "path": parts.path,
        "query": parts.query,
        "headers": dict(parts.headers),
        **_written("body", parts.body),
        "status": exchange.status,
        "answer_type": parts.answer_type,
        **_written("answer", parts.answer),
        "ms": round(exchange.milliseconds, 3),
        **({"left_out": left_out} if left_out else {}),
    }


def _time(seconds: float) -> str:
    # datetime.UTC came after Python 3.9.
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="microseconds")  # noqa: UP017


def _headers(headers: Headers, settings: CaptureSettings) -> dict[str, str]:
    """The headers that are kept; the content type always is, because the body means nothing without it."""
    named = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return {name: value for name, value in named if name in settings.headers or name == "content-type"}


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
    return next((value.decode("latin-1") for key, value in headers if key == name), "")


def _written(name: str, content: bytes | None) -> dict[str, str]:
    if content is None:
        return {}
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(content).decode()}
