"""Scripts whose run() takes numpy arrays by inference-schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure_scripts import JSON, NUMPY, STRICT, serving
from support.server.scoring_server_process import ScoringServer

SEEN = """
def run(data):
    return {"data": data.tolist(), "dtype": str(data.dtype), "writable": bool(data.flags.writeable)}
"""
FLOATS = NUMPY + '@input_schema("data", NumpyParameterType(numpy.array([[1.0, 2.0]])))' + SEEN
INTEGERS = NUMPY + '@input_schema("data", NumpyParameterType(numpy.array([[1, 2]], "int64")))' + SEEN
FREE = (
    NUMPY + '@input_schema("data", NumpyParameterType(numpy.array([[1.0]]), enforce_column_type=False,'
    " enforce_shape=False))" + SEEN
)
TEXTS = NUMPY + '@input_schema("data", NumpyParameterType(numpy.array(["a"])))' + SEEN
RECORDS = (
    NUMPY
    + """
@input_schema("data", NumpyParameterType(numpy.array([(1.5, "2020-01-01")], dtype=[("n", "f8"), ("t", "M8[D]")])))
def run(data):
    return {"n": data["n"].tolist(), "t": [str(each) for each in data["t"]]}
"""
)
OPTIONAL = (
    NUMPY
    + """
@input_schema("data", NumpyParameterType(numpy.array([[1.0, 2.0]])), optional=True)
def run(data=None):
    return {"data": None if data is None else numpy.asarray(data).tolist(), "type": type(data).__name__}
"""
)
RAISES = (
    NUMPY
    + """
@input_schema("data", NumpyParameterType(numpy.array([[1.0, 2.0]])))
def run(data):
    raise ValueError("the model's own trouble")
"""
)


@pytest.fixture(scope="module")
def floats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("floats"), FLOATS) as server:
        yield server


def score(server: ScoringServer, data: Any) -> Any:
    reply = server.score({"data": data}, JSON)
    assert reply.status == 200, reply.body
    return reply.json["data"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([[1, 2]], [[1.0, 2.0]]),
        ([[1.5, -2], [3, 4e300]], [[1.5, -2.0], [3.0, 4e300]]),
        ([["1", "2.5"]], [[1.0, 2.5]]),
        ([[True, 2]], [[1.0, 2.0]]),
        ([[10**30, 2**53 + 1]], [[1e30, 2.0**53]]),
    ],
)
def test_numbers_become_the_samples_type(floats: ScoringServer, data: Any, expected: Any) -> None:
    assert score(floats, data) == expected


def test_the_script_may_write_into_its_array(floats: ScoringServer) -> None:
    for body in (b'{"data": [[1, 2]]}', b'{"data": [["1", 2]]}'):
        assert floats.score(body, JSON).json["writable"] is True


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1, 2], "2 dimensions"),
        ([], "2 dimensions"),
        ([[1]], "dimension #1"),
        ([[1, 2, 3]], "dimension #1"),
        ([[[1, 2]]], "2 dimensions"),
        ([[1, 2], [3]], "inhomogeneous"),
        ([["a", 2]], "could not convert string to float: 'a'"),
        ("text", "expected an array"),
        (None, "expected an array"),
        ({"a": 1}, "expected an array"),
    ],
)
def test_data_that_does_not_fit_is_the_clients_fault(floats: ScoringServer, data: Any, words: str) -> None:
    reply = floats.score({"data": data}, JSON)
    assert reply.status == 400
    assert words in reply.message
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert "Traceback" not in floats.log


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "not JSON: Expecting property name"),
        (b"[[1, 2]]", "got a list"),
        (b"3", "got a number"),
        (b"null", "got null"),
        (b'"x"', "got a string"),
        (b"true", "got a boolean"),
        (b"{}", "data: missing"),
        (b'{"Data": [[1, 2]]}', "data: missing"),
        (b'{"data": [[1, 2]], "x": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_no_object_with_the_parameters(floats: ScoringServer, body: bytes, words: str) -> None:
    reply = floats.score(body, JSON)
    assert reply.status == 400
    assert words in reply.message


def test_json_in_any_form(floats: ScoringServer) -> None:
    for body in (
        b' { "more": 1, "data" : [ [ 1 , 2 ] ] } ',
        b'{"data": [[3, 4]], "data": [[1, 2]]}',
        '{"data": [[1, 2]]}'.encode("utf-16"),
        b'\xef\xbb\xbf{"data": [[1, 2]]}',
    ):
        assert floats.score(body, JSON).json["data"] == [[1.0, 2.0]]


def test_only_json_is_taken(floats: ScoringServer) -> None:
    body = b'{"data": [[1, 2]]}'
    for kind in ("application/json; charset=utf-8", "application/vnd.own+json"):
        assert floats.score(body, {"content-type": kind}).status == 200
    for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}):
        reply = floats.score(body, headers)
        assert reply.status == 415
        assert "application/json" in reply.message
    assert floats.get("/score?data=[[1,2]]").json["data"] == [[1.0, 2.0]]
    assert floats.get("/score").status == 400


def test_integers(tmp_path: Path) -> None:
    with serving(tmp_path, INTEGERS) as server:
        reply = server.score({"data": [[1.7, "2"]]}, JSON).json
        assert (reply["data"], reply["dtype"]) == ([[1, 2]], "int64")
        assert server.score({"data": [[None, 2]]}, JSON).status == 400
        assert score(server, [[2**63 - 1, -(2**63)]]) == [[2**63 - 1, -(2**63)]]


def test_what_is_not_enforced(tmp_path: Path) -> None:
    with serving(tmp_path, FREE) as server:
        for data in ([1, 2], [], [[["a"]]], [[1, 2, 3], [4, 5, 6]]):
            assert score(server, data) == data


def test_texts(tmp_path: Path) -> None:
    with serving(tmp_path, TEXTS) as server:
        assert score(server, ["x", "longer"]) == ["x", "l"], "numpy's own, of a sample one letter wide"


def test_records_and_dates(tmp_path: Path) -> None:
    with serving(tmp_path, RECORDS) as server:
        expected = {"n": [2.5, 3.5], "t": ["2021-03-04", "2021-03-05"]}
        data: Any = [{"n": 2.5, "t": "2021-03-04"}, {"t": "2021-03-05", "n": 3.5}]
        assert server.score({"data": data}, JSON).json == expected
        assert server.score({"data": [[2.5, "2021-03-04"], [3.5, "2021-03-05"]]}, JSON).json == expected
        assert server.score({"data": [{"n": 1}]}, JSON).status == 400


def test_an_optional_array(tmp_path: Path) -> None:
    with serving(tmp_path, OPTIONAL) as server:
        assert server.score({"data": [[1, 2]]}, JSON).json == {"data": [[1.0, 2.0]], "type": "ndarray"}
        assert server.score({}, JSON).json == {"data": None, "type": "NoneType"}
        assert server.score({"data": []}, JSON).json == {"data": [], "type": "list"}
        assert server.score({"data": [[1]]}, JSON).status == 400


def test_an_error_inside_run_is_not_the_clients(tmp_path: Path) -> None:
    with serving(tmp_path, RAISES) as server:
        reply = server.score({"data": [[1, 2]]}, JSON)
        assert reply.status == 500
        assert reply.headers["x-ms-run-function-failed"] == "True"
        assert "trouble" not in reply.message
        assert "ValueError: the model's own trouble" in server.log


def test_under_strict_parity_data_that_does_not_fit_is_an_error_of_run(tmp_path: Path) -> None:
    with serving(tmp_path, FLOATS, **STRICT) as server:
        reply = server.score({"data": [[1]]}, JSON)
        assert reply.status == 500
        assert reply.headers["x-ms-run-function-failed"] == "True"
        assert server.score(b"{", JSON).status == 400
        assert json.loads(server.score(b'{"data": [[null, 1]]}', JSON).body)["data"] == [
            [pytest.approx(float("nan"), nan_ok=True), 1.0]
        ]
