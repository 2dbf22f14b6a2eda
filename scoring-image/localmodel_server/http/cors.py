"""Which pages of other origins may read answers (AML_CORS_ORIGINS): the headers that tell a browser."""

from __future__ import annotations

from collections.abc import Sequence

from localmodel_server.messages.call import Headers

_METHODS = b"GET, POST, OPTIONS"
# Asked again after ten minutes: origins change with a revision.
_MAX_AGE = b"600"
_ASKS_FOR_METHOD = b"access-control-request-method"


def cors_headers(request: Headers, origins: Sequence[str]) -> Headers:
    """The headers to add to any answer; `request` has the request's headers, names in lower case.

    Caches must keep answers apart by origin, so Vary is there even when the origin is not one of ours.
    """
    if not origins:
        return []
    if "*" in origins:
        return [(b"access-control-allow-origin", b"*"), *_what_is_allowed(request)]
    origin = _value(request, b"origin")
    vary = (b"vary", b"Origin")
    if origin is None or origin.decode("latin-1") not in origins:
        return [vary]
    return [(b"access-control-allow-origin", origin), vary, *_what_is_allowed(request)]


def is_preflight(method: str, request: Headers) -> bool:
    """Whether this is a browser's preflight request, which gets an empty 200 and never reaches the script."""
    return method == "OPTIONS" and None not in (_value(request, b"origin"), _value(request, _ASKS_FOR_METHOD))


def _what_is_allowed(request: Headers) -> Headers:
    if _value(request, _ASKS_FOR_METHOD) is None:
        return []
    headers = [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _MAX_AGE)]
    wanted = _value(request, b"access-control-request-headers")
    if wanted:
        headers += [(b"access-control-allow-headers", wanted), (b"vary", b"Access-Control-Request-Headers")]
    return headers


def _value(request: Headers, name: bytes) -> bytes | None:
    return next((value for header, value in request if header == name), None)
