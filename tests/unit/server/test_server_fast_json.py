"""Fast parsers must not be told from the standard library and numpy, or say that they cannot help."""

from __future__ import annotations

import json
import math
import pickle
from typing import Any

import numpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.examples import examples

from localmodel_server import fast_json
from localmodel_server.fast_json import read_matrix, read_object

NUMBERS = st.one_of(
    st.integers(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.sampled_from([0, -0.0, 2**53 + 1, 2**63, -(2**63), 2**64 - 1, 2**64, 5e-324, 1.7976931348623157e308]),
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), NUMBERS, st.text(), st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010))
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)
# Texts that no encoder would write, but a client may.
ODD = [
    "-0", "-0.0", "0e0", "1E400", "-1e400", "1e-400", "1.0", "1e2", "123456789012345678", "1234567890123456789",
    "18446744073709551615", "18446744073709551616", "-9223372036854775809", "NaN", "[Infinity]", "-Infinity",
    '{"a": 1, "a": 2}', '{"a": 1, "\\u0061": 2}', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\t"', '"\\/"', "[1,]",
    "[1] 2", "", " ", "\ufeff1", "01", "+1", ".5", "1.", "'a'", "\u00a01", " \n\r\t1 ", "[" * 1500 + "]" * 1500, "nul",
    "0.1234567890123456789", "[0.1,0.30000000000000004,2.2250738585072011e-308]", "9007199254740993.0",
    "1" * 400, "0." + "1" * 400, "1" * 18 + ".5", '"' + "1" * 30 + '"', "\x7f", '"\u2028"',
]  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Equal, with the same types and signs all the way down, dictionaries in the same order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return math.isnan(one) == math.isnan(other) and (math.isnan(one) or repr(one) == repr(other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def check_object(text: str) -> None:
    read = read_object(text.encode("utf-8", "surrogatepass"))
    if read:
        assert same(pickle.loads(read), json.loads(text))


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_any_value(value: Any, ascii_only: bool, indent: Any) -> None:
    check_object(json.dumps(value, ensure_ascii=ascii_only, indent=indent))


@given(st.text(st.sampled_from('0123456789-+.eE[]{},:" \n\\utrnalsef'), max_size=40))
@settings(max_examples=examples(400))
def test_any_text(text: str) -> None:
    check_object(text)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_texts(text: str) -> None:
    check_object(text)


def test_ordinary_texts_are_read() -> None:
    assert pickle.loads(read_object(b'{"data": [[1, 2.5, "x", null, true]]}')) == {"data": [[1, 2.5, "x", None, True]]}


def check_matrix(body: bytes, columns: int) -> None:
    for with_simdjson in (True, False) if fast_json.simdjson else (False,):
        parser = fast_json._parser if with_simdjson else None
        found = read_with(parser, body, columns)
        if found is None:
            continue
        rows, data = found
        expected = numpy.array(json.loads(body)["x"], dtype="float64")
        assert expected.shape == (rows, columns)
        assert numpy.frombuffer(data, "<f8").tobytes() == expected.tobytes(), "to the last bit"


def read_with(parser: Any, body: bytes, columns: int) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_json, "_parser", parser)
        return read_matrix(body, "x", columns)


ROWS = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=5)
)


@given(ROWS)
@example([[2**63, -1]])
@example([[2**53 + 1, 0.5]])
def test_any_matrix(rows: list[list[Any]]) -> None:
    check_matrix(json.dumps({"x": rows}).encode(), len(rows[0]))


@given(st.one_of(VALUES, st.lists(VALUES, max_size=3), st.lists(st.lists(VALUES, max_size=3), max_size=3)), VALUES)
@example([[1, [2]], [3, 4]], None)
@example([[1, True], [False, 4]], None)
@example([["1", "2"]], None)
@example([[None, 1.0]], None)
@example("ab", None)
@example({"ab": 1}, None)
@example([{"a": 1, "b": 2}], None)
@example([[]], None)
def test_anything_in_place_of_a_matrix(value: Any, other: Any) -> None:
    for columns in (1, 2):
        check_matrix(json.dumps({"y": other, "x": value, "z": [other]}).encode(), columns)


@pytest.mark.parametrize(
    "body",
    [
        b'{"x": [[1, 2]], "x": [[3, 4]]}',
        b'{"\\u0078": [[1, 2]], "x": [[3, 4]]}',
        b'{"x": [[3, 4]], "\\u0078": [[1, 2]]}',
        b'{"y": {"x": [[1, 2]]}, "x": [[3, 4]]}',
        b'{"y": "[", "x": [[3, 4]]}',
        b'{"y": "]", "x": [[3, 4], [5, 6]]}',
        b'{"x": [[1, 2], [3]], "y": "["}',
        b'{"x": [[1e400, 2]]}',
        b'{"x": [[-0, -0.0]]}',
        b'{"x": [[1, 2]]',
        b'{"x": [[1, 2]]} x',
        b'[{"x": [[1, 2]]}]',
        b'"x"',
        b"\xff",
        b"",
        b'\xef\xbb\xbf{"x": [[1, 2]]}',
    ],
)
def test_odd_matrices(body: bytes) -> None:
    check_matrix(body, 2)


@pytest.mark.parametrize("parser", [fast_json._parser, None], ids=["simdjson", "orjson"])
def test_ordinary_matrices_are_read(parser: Any) -> None:
    rows, data = read_with(parser, b'{"more": {"a": [1]}, "x": [[1, 2.5], [true, -3e2]]}', 2) or (0, b"")
    assert (rows, numpy.frombuffer(data).tolist()) == (2, [1.0, 2.5, 1.0, -300.0])
    assert read_with(parser, b'{"x": [[1, 2]]}', 3) is None
