from __future__ import annotations

from localmodel_server.call import Headers
from localmodel_server.cors import headers_for, preflight

ORIGIN = (b"origin", b"https://a.example")
ALLOWED = ("https://a.example", "https://b.example")
ASKS = [ORIGIN, (b"access-control-request-method", b"POST")]


def test_off_unless_origins_are_named() -> None:
    assert headers_for([ORIGIN], ()) == []
    assert preflight("OPTIONS", ASKS, ()) is None


def test_an_origin_of_the_list_is_told_so() -> None:
    assert headers_for([(b"host", b"x"), ORIGIN], ALLOWED) == [
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
        assert headers_for(request, ALLOWED) == [(b"vary", b"Origin")]


def test_a_star_allows_everybody_without_naming_them() -> None:
    assert headers_for([ORIGIN], ("*",)) == [(b"access-control-allow-origin", b"*")]
    assert headers_for([], ("*",)) == [(b"access-control-allow-origin", b"*")]


def test_a_preflight_names_methods_and_headers() -> None:
    found = preflight("OPTIONS", [*ASKS, (b"access-control-request-headers", b"content-type, x-request-id")], ALLOWED)
    assert found is not None
    headers = dict(found)
    assert headers[b"access-control-allow-methods"] == b"GET, POST, OPTIONS"
    assert headers[b"access-control-allow-headers"] == b"content-type, x-request-id"
    assert (b"vary", b"Access-Control-Request-Headers") in found


def test_other_requests_are_no_preflights() -> None:
    assert preflight("POST", ASKS, ALLOWED) is None
    assert preflight("OPTIONS", [ORIGIN], ALLOWED) is None
    assert preflight("OPTIONS", ASKS[1:], ALLOWED) is None
