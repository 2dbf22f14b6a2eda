"""JSON that others wrote has one error, whatever the bytes are."""

from typing import Any

import pytest

from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse, parse_loosely


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        b"\xed\xa0\x80",
        b"[" * 200_000,
        b"[" * 20_000 + b'"\\u0041"' + b"]" * 20_000,
        b'{"a":' * 200_000,
        b'{"a": 1e400}',
        b"-1e400",
        b'{"a": NaN}',
        b"-Infinity",
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b"9" * 5000,
    ],
)
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse(text)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 200_000])
def test_what_is_none_even_loosely(text: bytes) -> None:
    with pytest.raises(UnreadableError):
        parse_loosely(text)


@pytest.mark.parametrize(("text", "value"), [(b"null", None), (b"[]", []), (b"1e308", 1e308), (b'"\xc3\xa4"', "\xe4")])
def test_what_is_json(text: bytes, value: Any) -> None:
    assert parse(text) == parse_loosely(text) == value


def test_text_that_is_escaped_is_text() -> None:
    assert parse(b'{"a": "\\ud83d\\ude00 \\u00e4"}') == {"a": "\U0001f600 \xe4"}
    assert parse(b'"a\\ud800"', "replace") == "a?"
    assert parse_loosely(b'["\\ud800", Infinity]') == ["\ud800", float("inf")]


@pytest.mark.parametrize("read", [parse, parse_loosely])
def test_a_number_that_is_too_long_is_told_in_our_words(read: Any) -> None:
    with pytest.raises(UnreadableError, match=r"^a number in it has too many digits$"):
        read(b"[" + b"1" * 5000 + b"]")
