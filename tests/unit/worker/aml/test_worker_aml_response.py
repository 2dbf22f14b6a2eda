"""The responses that a script may return, and what of them goes out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from localmodel_worker.aml.aml_response import AMLResponse
from localmodel_worker.aml.http_answer import HttpAnswer, as_http_answer

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"


def answer(result: Any) -> HttpAnswer:
    found = as_http_answer(result)
    assert found is not None
    return found


def sent(result: Any) -> bytes:
    body = answer(result).body
    return body if isinstance(body, bytes) else b"".join(body)


@pytest.mark.parametrize(
    ("response", "body", "content_type"),
    [
        (AMLResponse("é", 200), "é".encode(), "text/html; charset=utf-8"),
        (AMLResponse(b"\x00", 200), b"\x00", "text/html; charset=utf-8"),
        (AMLResponse(bytearray(b"a"), 200), b"a", "text/html; charset=utf-8"),
        (AMLResponse(["a", b"b"], 200), b"ab", "text/html; charset=utf-8"),
        (AMLResponse("", 200), b"", "text/html; charset=utf-8"),
        (AMLResponse(None, 200), b"{}", "application/json"),
        (AMLResponse({"a": [1]}, 200, json_str=True), b'{"a": [1]}', "application/json"),
        (AMLResponse("a", 200, json_str=True), b'"a"', "application/json"),
        (AMLResponse(b"\xff", 200, {"content-type": "image/jpeg"}), b"\xff", "image/jpeg"),
        (AMLResponse(None, 200, {"Content-Type": "text/x"}), b"{}", "text/x"),
    ],
)
def test_messages(response: AMLResponse, body: bytes, content_type: str) -> None:
    found = answer(response)
    assert (found.status, found.body, found.run_failed) == (200, body, False)
    assert [(name.lower(), value) for name, value in found.headers] == [("content-type", content_type)]


@pytest.mark.parametrize("message", [{"a": 1}, 5, object()])
def test_a_message_that_is_no_body_is_refused_with_the_way_out(message: Any) -> None:
    with pytest.raises(TypeError, match="json_str=True"):
        AMLResponse(message, 200)


def test_json_that_clients_cannot_parse_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        AMLResponse(float("nan"), 200, json_str=True)


@pytest.mark.parametrize("status", [0, 100, 1000, "x"])
def test_a_status_that_is_none_is_refused(status: Any) -> None:
    with pytest.raises(ValueError):
        AMLResponse("", status)


def test_headers_keep_their_commas_and_repeat_as_lists() -> None:
    cookies = ["a=1; Expires=" + DATE, "b=2"]
    response = AMLResponse("", 200, {"Expires": DATE, "Set-Cookie": cookies, "X-Parts": "a, b", "X-Count": 3})
    assert answer(response).headers[1:] == [
        ("Expires", DATE),
        ("Set-Cookie", cookies[0]),
        ("Set-Cookie", "b=2"),
        ("X-Parts", "a, b"),
        ("X-Count", "3"),
    ]


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\0b", "€"])
def test_a_header_cannot_split_the_response(value: str) -> None:
    with pytest.raises(ValueError, match="header X-A"):
        AMLResponse("", 200, {"X-A": value})
    response = AMLResponse("", 200)
    for add in (response.headers.add, response.headers.set, response.headers.__setitem__):
        with pytest.raises(ValueError, match="header X-A"):
            add("X-A", value)
    with pytest.raises(ValueError, match="cannot be the name"):
        response.headers[value] = "a"


def test_a_response_is_changed_like_a_flask_response() -> None:
    response = AMLResponse("a", 200)
    response.status_code = 404
    assert response.status == "404 NOT FOUND"
    response.status = "418 I'm a teapot"
    response.headers["X-A"] = "1"
    response.headers["x-a"] = "2"
    response.headers.add("X-A", b"3")
    response.headers.update({"X-B": ["4", "5"]})
    response.mimetype = "text/csv"
    response.data = "b"
    assert response.headers.getlist("X-a") == ["2", "3"] and response.headers["x-b"] == "4"
    assert response.headers.pop("X-B") == "4" and "X-B" not in response.headers
    assert (response.mimetype, response.content_type) == ("text/csv", "text/csv; charset=utf-8")
    assert (response.data, response.get_data(as_text=True)) == (b"b", "b")
    response.set_data(b"[1]")
    response.content_type = "application/json"
    assert response.json == [1]
    assert answer(response)[:3] == (418, [("Content-Type", "application/json"), ("x-a", "2"), ("X-A", "3")], b"[1]")


def test_one_responses_headers_are_not_anothers() -> None:
    AMLResponse("", 200).headers["X-A"] = "1"
    assert "X-A" not in AMLResponse("", 200).headers


def test_cookies() -> None:
    response = AMLResponse("", 200)
    expires = datetime(2026, 1, 1)
    response.set_cookie("a", "b c", max_age=60, expires=expires, secure=True, httponly=True, samesite="Lax")
    response.set_cookie("d", "e;f")
    response.delete_cookie("g")
    first, second, third = response.headers.getlist("Set-Cookie")
    assert first.startswith("a=") and set(first.split("; ")[1:]) == {
        f"expires={DATE}",
        "Max-Age=60",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
    }
    assert second == 'd="e\\073f"; Path=/'
    assert "Max-Age=0" in third and "1970" in third


@pytest.mark.parametrize(
    "arguments", [{"key": "a b"}, {"key": "a", "path": "/; Domain=x"}, {"key": "a", "domain": "x\n"}]
)
def test_a_cookie_that_cannot_be_set_is_refused(arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        AMLResponse("", 200).set_cookie(**arguments)  # type: ignore[arg-type]


def test_a_generator_streams_and_is_closed() -> None:
    steps = []

    def pieces() -> Iterator[Any]:
        try:
            for piece in ("é", b"\xff", bytearray(b"x")):
                steps.append(piece)
                yield piece
        finally:
            steps.append("closed")

    found = answer(AMLResponse(pieces(), 200, {"Content-Length": "99"}))
    assert steps == [] and found.headers == [("Content-Type", "text/html; charset=utf-8")]
    assert isinstance(found.body, Iterator)
    assert next(found.body) == "é".encode() and len(steps) == 1
    found.close()
    assert steps[-1] == "closed"


def test_the_data_of_a_stream_is_all_of_it() -> None:
    response = AMLResponse((str(number) for number in range(3)), 200)
    assert response.is_streamed and response.data == b"012"
    assert not response.is_streamed and sent(response) == b"012"


def test_a_stream_of_something_else_fails_where_it_is_read() -> None:
    with pytest.raises(TypeError, match="not of int"):
        sent(AMLResponse(iter([1]), 200))


def test_functions_to_call_on_close() -> None:
    called = []
    response = AMLResponse("", 200)
    response.call_on_close(lambda: called.append(1))
    response.close()
    response.close()
    assert called == [1]


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        (AMLResponse("", 200), False),
        (AMLResponse("", 400), False),
        (AMLResponse("", 200, run_function_failed=True), True),
        (AMLResponse("", 200, {"X-MS-Run-Function-Failed": "True"}), True),
        (AMLResponse("", 500), True),
    ],
)
def test_whether_run_failed_is_said_in_one_place(response: AMLResponse, failed: bool) -> None:
    found = answer(response)
    assert found.run_failed is failed
    assert [name for name, _ in found.headers] == ["Content-Type"]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_has_none(status: int) -> None:
    assert answer(AMLResponse("x", status)).body == b""


class WerkzeugLike:
    """The shape of werkzeug.wrappers.Response."""

    def __init__(self, pieces: Any, status_code: int = 200) -> None:
        self.pieces = pieces
        self.status_code = status_code
        self.headers = {"Content-Type": "text/x", "Content-Length": "3", "Connection": "close", "X-A": "1"}
        self.closed = 0

    @property
    def is_streamed(self) -> bool:
        return not isinstance(self.pieces, list)

    def get_data(self) -> bytes:
        return b"".join(self.pieces)

    def iter_encoded(self) -> Iterator[bytes]:
        return iter(self.pieces)

    def get_wsgi_headers(self, environ: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        self.closed += 1


def test_a_flask_response_is_taken_as_it_is() -> None:
    response = WerkzeugLike([b"a", b"bc"], 503)
    found = answer(response)
    assert found[:4] == (503, [("Content-Type", "text/x"), ("X-A", "1")], b"abc", True)
    found.close()
    assert response.closed == 1


def test_a_streamed_flask_response_streams() -> None:
    found = answer(WerkzeugLike(iter([b"a", b"b"])))
    assert isinstance(found.body, Iterator) and list(found.body) == [b"a", b"b"]


class Obliging:
    """An object that has every attribute."""

    status_code = 200

    def __getattr__(self, name: str) -> Any:
        return self


@pytest.mark.parametrize("result", [None, {"status_code": 200}, "x", b"x", [1], Obliging(), WerkzeugLike])
def test_anything_else_is_a_plain_result(result: Any) -> None:
    assert as_http_answer(result) is None


@pytest.mark.parametrize("value", ["true", "1", "True"])
def test_under_strict_parity_commas_split_and_nan_is_bare(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LOCALMODEL_STRICT_PARITY", value)
    response = AMLResponse({"a": float("nan")}, 200, {"Set-Cookie": "a=1, b=2", "X-List": ["1,2"]}, json_str=True)
    assert response.headers.getlist("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers.getlist("X-List") == ["1,2"]
    assert response.data == b'{"a": NaN}'
    monkeypatch.setenv("LOCALMODEL_STRICT_PARITY", "false")
    assert AMLResponse("", 200, {"Set-Cookie": "a=1, b=2"}).headers.getlist("Set-Cookie") == ["a=1, b=2"]
