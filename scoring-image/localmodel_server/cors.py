"""Which pages of other origins may read answers (AML_CORS_ORIGINS): the headers that tell a browser."""

from __future__ import annotations

from collections.abc import Sequence

from localmodel_server.call import Headers

_METHODS = b"GET, POST, OPTIONS"
# Asked again after ten minutes: origins change with a revision.
_MAX_AGE = b"600"


def headers_for(request: Headers, origins: Sequence[str]) -> Headers:
    """What to add to any answer; request is the request's headers, their names in lower case.

    Caches must keep answers apart by origin, so Vary is there even when the origin is not one of ours.
    """
    if not origins:
        return []
    if "*" in origins:
        return [(b"access-control-allow-origin", b"*")]
    origin = _value(request, b"origin")
    vary = (b"vary", b"Origin")
    if origin is None or origin.decode("latin-1") not in origins:
        return [vary]
    return [(b"access-control-allow-origin", origin), vary]


def preflight(method: str, request: Headers, origins: Sequence[str]) -> Headers | None:
    """What to add to ``headers_for`` when the request is a browser's question whether it may ask; else None.

    The answer to such a question has status 200, an empty body, and no worker sees it.
    """
    if method != "OPTIONS" or not origins:
        return None
    if _value(request, b"origin") is None or _value(request, b"access-control-request-method") is None:
        return None
    headers = [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", _MAX_AGE)]
    wanted = _value(request, b"access-control-request-headers")
    if wanted:
        headers += [(b"access-control-allow-headers", wanted), (b"vary", b"Access-Control-Request-Headers")]
    return headers


def _value(request: Headers, name: bytes) -> bytes | None:
    return next((value for each, value in request if each == name), None)
