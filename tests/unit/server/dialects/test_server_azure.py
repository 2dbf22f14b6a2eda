"""A request to /score as a call of run(), for each kind of script."""

from __future__ import annotations

import json
import pickle
import struct
from typing import Any

import pytest

from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call, Headers, Outcome
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.payloads.azure import ScoreRequest, score_headers

TEXT = Contract()
HTTP = Contract(mode="http")
MATRIX = Contract(
    mode="schema", rows=True, parameters=(Value("x", "numpy", dtype="float32", shape=(-1, 2)),), wants_headers=False
)
JSON: Headers = [(b"content-type", b"application/json")]
FORM: Headers = [(b"content-type", b"application/x-www-form-urlencoded; charset=utf-8")]


def call(
    contract: Contract,
    body: bytes = b"",
    headers: Headers = JSON,
    method: str = "POST",
    query: bytes = b"",
    strict: bool = False,
) -> Call:
    return ScoreRequest(method, query, headers, body, strict).call(contract)


def test_an_undecorated_script_gets_the_body_as_it_is() -> None:
    for headers in (JSON, FORM, []):
        assert call(TEXT, b' {"a":\xff', headers) == Call("text", b' {"a":\xff')


def test_a_form_is_empty_under_strict_parity() -> None:
    assert call(TEXT, b"a=1", FORM, strict=True).body == b""
    assert call(TEXT, b"a=1", [(b"content-type", b"multipart/form-data; boundary=x")], strict=True).body == b""
    assert call(TEXT, b"a=1", JSON, strict=True).body == b"a=1"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (b"", "{}"),
        (b"a=1&b=[1,2]&c=a&d=null&a=x", '{"a": [1, "x"], "b": [1, 2], "c": "a", "d": null}'),
        (b"a=1.0&b=1e5&c=true&d=%22q%22&e=+1", '{"a": 1.0, "b": 100000.0, "c": true, "d": "q", "e": 1}'),
        (
            b"a=123456789012345678901234567890&n=NaN&e=%C3%A9&x=&y",
            '{"a": 123456789012345678901234567890, "n": NaN, "e": "\\u00e9", "x": "", "y": ""}',
        ),
    ],
)
def test_a_get_is_json_of_its_query(query: bytes, text: str) -> None:
    assert call(TEXT, b"", [], "GET", query).body.decode() == text


def test_values_nested_without_end_stay_text() -> None:
    query = b"a=" + b"[" * 100_000
    assert json.loads(call(TEXT, b"", [], "GET", query).body) == {"a": "[" * 100_000}


def test_text_is_parsed_ahead_for_scripts_that_parse_it() -> None:
    reads = Contract(reads_json=True)
    assert pickle.loads(call(reads, b'{"a": 1}').parsed) == {"a": 1}
    assert call(reads, b"no json").parsed == b""
    assert call(TEXT, b'{"a": 1}').parsed == b""


def test_a_schema_wants_json() -> None:
    for kind in (b"application/json; charset=utf-8", b"Application/JSON", b"application/vnd.me+json"):
        assert call(MATRIX, b"{}", [(b"content-type", kind)]).kind == "json"
    for headers in ([], [(b"content-type", b"text/plain")], [(b"content-type", b"application/jsonp")]):
        with pytest.raises(BadRequestError) as caught:
            call(MATRIX, b"{}", headers)
        assert caught.value.status == 415
    assert call(MATRIX, b"", [], "GET", b"x=[[1,2]]").kind == "arrays"


def test_a_matrix_travels_as_numbers() -> None:
    asked = call(MATRIX, b'{"x": [[1, 2.5], [3, 4]]}')
    assert (asked.kind, asked.arrays[0]) == ("arrays", ("x", "<f8", (2, 2)))
    assert struct.unpack("<4d", asked.body) == (1, 2.5, 3, 4)


@pytest.mark.parametrize(
    "body",
    [b'{"x": [[1]]}', b'{"x": [["1", 2]]}', b'{"x": []}', b'{"y": [[1, 2]]}', b"[[1, 2]]", b"", b'{"x": [[NaN, 1]]}'],
)
def test_everything_else_is_left_to_inference_schema(body: bytes) -> None:
    assert call(MATRIX, body) == Call("json", body)


def test_a_rawhttp_script_gets_everything() -> None:
    headers = [(b"x-a", b"1")]
    assert call(HTTP, b"\xff", headers, "OPTIONS", b"q=%20") == Call(
        "http", b"\xff", (), headers, "OPTIONS", "/score?q=%20"
    )
    assert call(HTTP, b"", headers, "GET").target == "/score"


def test_headers_go_along_when_run_wants_them() -> None:
    assert call(TEXT).headers == []
    assert call(Contract(wants_headers=True)).headers == JSON


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(200, b"", "", "", 1.23456), {b"x-ms-run-function-failed": b"False", b"x-ms-run-fn-exec-ms": b"1.235"}),
        (Outcome(500, b"", "", "", None, True), {b"x-ms-run-function-failed": b"True"}),
    ],
)
def test_headers_of_an_answer(outcome: Outcome, expected: dict[bytes, Any]) -> None:
    assert dict(score_headers(outcome)) == expected
