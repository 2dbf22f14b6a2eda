"""Forms as the worker reads them."""

from __future__ import annotations

import re
from typing import NamedTuple

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples

from localmodel_worker.aml.multipart import Form, parse_multipart, parse_urlencoded
from localmodel_worker.client_errors import BadRequestError

CURL = (
    b"--------------------------a1\r\n"
    b'Content-Disposition: form-data; name="image"; filename="cat.png"\r\n'
    b"Content-Type: image/png\r\n"
    b"\r\n"
    b"\x89PNG\r\n\x1a\n\x00\xff\r\n"
    b"--------------------------a1\r\n"
    b'Content-Disposition: form-data; name="threshold"\r\n'
    b"\r\n"
    b"0.5\r\n"
    b"--------------------------a1--\r\n"
)


class Part(NamedTuple):
    name: str
    filename: str | None
    content: bytes


def encode(parts: list[Part], boundary: bytes) -> bytes:
    pieces = []
    for part in parts:
        disposition = f'form-data; name="{quote(part.name)}"'
        if part.filename is not None:
            disposition += f'; filename="{quote(part.filename)}"'
        pieces.append(b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (boundary, disposition.encode(), part.content))
    return b"".join(pieces) + b"--%s--\r\n" % boundary


def quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def read(form: Form) -> tuple[list[tuple[str, str]], list[tuple[str, str, bytes]]]:
    return form.fields, [(each.name, each.filename, each.read()) for each in form.files]


def test_a_form_as_curl_sends_it() -> None:
    form = parse_multipart(CURL, "------------------------a1", 10)
    assert form.fields == [("threshold", "0.5")]
    (image,) = form.files
    assert (image.name, image.filename, image.content_type) == ("image", "cat.png", "image/png")
    assert image.read() == b"\x89PNG\r\n\x1a\n\x00\xff"


def test_a_form_as_httpx_sends_it() -> None:
    files = [("f", ('a "b" é.bin', b"\r\n--", "x/y")), ("f", ("second", b"", "text/plain"))]
    request = httpx.Request("POST", "http://x/", data={"a": "ü", "b": ["1", "2"]}, files=files)
    boundary = request.headers["content-type"].partition("boundary=")[2]
    fields, uploads = read(parse_multipart(request.read(), boundary, 10))
    assert fields == [("a", "ü"), ("b", "1"), ("b", "2")]
    assert uploads == [("f", 'a "b" é.bin', b"\r\n--"), ("f", "second", b"")]


def test_a_file_name_that_is_not_ascii_in_the_extended_form() -> None:
    body = CURL.replace(b'filename="cat.png"', b"filename=\"_.png\"; filename*=UTF-8''%e2%82%ac.png")
    assert parse_multipart(body, "------------------------a1", 10).files[0].filename == "€.png"


def test_what_stands_before_the_form_and_after_it_is_ignored() -> None:
    fields, uploads = read(parse_multipart(b"hello\r\n" + CURL + b"bye", "------------------------a1", 10))
    assert len(fields) == len(uploads) == 1


def test_an_empty_form() -> None:
    assert read(parse_multipart(b"--b--\r\n", "b", 10)) == ([], [])


names = st.text(alphabet='ab =;"\\éß%/.', max_size=12).filter(lambda text: "%22" not in text)
contents = st.lists(
    st.one_of(st.binary(max_size=20), st.sampled_from([b"\r\n", b"--", b"\r\n--bo", b"\r\n--bounds", b"--bound"]))
).map(b"".join)
parts = st.builds(Part, names, st.one_of(st.none(), names), contents)


@settings(deadline=None, database=None)
@given(st.lists(parts, max_size=5))
@example([Part("", None, b"--bound ")])
@example([Part("", None, b"--bound x")])
def test_what_was_sent_is_what_is_read(sent: list[Part]) -> None:
    boundary = b"bound"
    # A client picks another boundary then: RFC 2046 lets spaces and tabs stand behind it on its line.
    if any(re.search(rb"\r\n--bound(--|[ \t]*\r\n)", b"\r\n" + each.content + b"\r\n") for each in sent):
        return
    fields, uploads = read(parse_multipart(encode(sent, boundary), "bound", 10))
    assert fields == [(each.name, each.content.decode(errors="replace")) for each in sent if each.filename is None]
    assert uploads == [(each.name, each.filename, each.content) for each in sent if each.filename is not None]


scraps = [b"--b", b"--b--", b"\r\n", b"\n", b"Content-Disposition: form-data", b'; name="a"', b'; filename="', b":"]


@settings(deadline=None, database=None, max_examples=examples(300))
@given(st.lists(st.one_of(st.sampled_from(scraps), st.binary(max_size=8))).map(b"".join))
def test_garbage_is_the_clients_fault(body: bytes) -> None:
    try:
        parse_multipart(body, "b", 3)
    except BadRequestError as error:
        assert error.status == 400 and "multipart/form-data" in str(error)
    try:
        parse_urlencoded(body, 3)
    except BadRequestError as error:
        assert "more than 3" in str(error)


def test_a_form_that_breaks_off_is_refused_wherever_it_does() -> None:
    for length in range(len(CURL) - len("--\r\n")):
        with pytest.raises(BadRequestError):
            parse_multipart(CURL[:length], "------------------------a1", 10)


@pytest.mark.parametrize(
    ("body", "boundary", "reason"),
    [
        (CURL, "", "boundary"),
        (CURL, "x" * 300, "boundary"),
        (CURL, "other", "nowhere"),
        (CURL[:-10], "------------------------a1", "closing boundary"),
        (encode([Part("a", None, b"")] * 11, b"b"), "b", "more than 10 parts"),
        (b"--b\r\nX: " + b"y" * 20000 + b"\r\n\r\n\r\n--b--", "b", "16384 bytes"),
        (b"--b\r\nX\r\n\r\n\r\n--b--", "b", "'X' is not"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\n\r\n--b--", "b", "Content-Disposition"),
        (b"--b\r\n\r\nhello\r\n--b--", "b", "blank line"),
    ],
)
def test_the_client_is_told_what_is_wrong(body: bytes, boundary: str, reason: str) -> None:
    with pytest.raises(BadRequestError, match=reason):
        parse_multipart(body, boundary, 10)


def test_urlencoded_fields() -> None:
    assert parse_urlencoded(b"a=1&a=%C3%A9+x&b=&c", 10) == [("a", "1"), ("a", "é x"), ("b", ""), ("c", "")]
    assert parse_urlencoded(b"", 10) == []
    with pytest.raises(BadRequestError, match="more than 2"):
        parse_urlencoded(b"a&b&c", 2)
