from __future__ import annotations

from localmodel_server.http.cors import cors_headers, is_preflight
from localmodel_server.messages.call import Headers

ORIGIN = (b"origin", b"https://a.example")
ALLOWED = ("https://a.example", "https://b.example")
ASKS = [ORIGIN, (b"access-control-request-method", b"POST")]


def test_off_unless_origins_are_named() -> None:
    assert cors_headers([ORIGIN], ()) == []
    assert cors_headers(ASKS, ()) == []


def test_an_origin_of_the_list_is_told_so() -> None:
    assert cors_headers([(b"host", b"x"), ORIGIN], ALLOWED) == [
        (b"access-control-allow-origin", b"https://a.example"),
        (b"vary", b"Origin"),
    ]


def test_any_other_is_not_and_caches_keep_them_apart() -> None:
    others: list[Headers] = [
        [(b"origin", b"https://a.example.evil")],
        [(b"origin", b"null")],
        [(b"origin", b"\xff")],
        [],
    ]
    for request in others:
        assert cors_headers(request, ALLOWED) == [(b"vary", b"Origin")]


def test_a_star_allows_everybody_without_naming_them() -> None:
    assert cors_headers([ORIGIN], ("*",)) == [(b"access-control-allow-origin", b"*")]
    assert cors_headers([], ("*",)) == [(b"access-control-allow-origin", b"*")]


def test_a_preflight_is_told_methods_and_headers() -> None:
    asks: Headers = [*ASKS, (b"access-control-request-headers", b"content-type, x-request-id")]
    assert is_preflight("OPTIONS", asks)
    for origins in (ALLOWED, ("*",)):
        found = cors_headers(asks, origins)
        headers = dict(found)
        assert headers[b"access-control-allow-methods"] == b"GET, POST, OPTIONS"
        assert headers[b"access-control-allow-headers"] == b"content-type, x-request-id"
        assert (b"vary", b"Access-Control-Request-Headers") in found


def test_a_preflight_from_elsewhere_is_told_nothing() -> None:
    assert cors_headers([(b"origin", b"https://evil.example"), *ASKS[1:]], ALLOWED) == [(b"vary", b"Origin")]


def test_other_requests_are_no_preflights() -> None:
    assert not is_preflight("POST", ASKS)
    assert not is_preflight("OPTIONS", [ORIGIN])
    assert not is_preflight("OPTIONS", ASKS[1:])
