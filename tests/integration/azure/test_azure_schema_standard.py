"""Scripts whose run() takes standard types, several parameters, or nested ones, by inference-schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure_scripts import JSON, NUMPY, PANDAS, STRICT, serving
from support.server.scoring_server_process import ScoringServer

TYPES = (
    NUMPY
    + """
def optional(name, sample):
    return input_schema(name, StandardPythonParameterType(sample), optional=True)

@optional("i", 1)
@optional("f", 1.5)
@optional("s", "x")
@optional("b", True)
@optional("y", b"x")
@optional("d", datetime.datetime(2020, 1, 2))
@optional("t", datetime.time(1, 2))
@optional("l", [1, 2])
@optional("m", {"k": 1})
def run(i=None, f=None, s=None, b=None, y=None, d=None, t=None, l=None, m=None):
    return [repr(each) for each in (i, f, s, b, y, d, t, l, m) if each is not None]
"""
)
SEVERAL = (
    NUMPY
    + """
@input_schema("a", NumpyParameterType(numpy.array([[1.0, 2.0]])))
@input_schema("b", StandardPythonParameterType("x"))
@output_schema(StandardPythonParameterType({"a": [[1.0]]}))
def run(a, b, c=7, request_headers=None):
    return {"a": a.tolist(), "b": b, "c": c, "type": request_headers["Content-Type"]}
"""
)
POWER_BI = (
    PANDAS
    + """
INPUTS = StandardPythonParameterType({
    "table": PandasParameterType(pandas.DataFrame({"a": [1], "b": ["x"]})),
    "array": NumpyParameterType(numpy.array([[1.0, 2.0]])),
    "arrays": StandardPythonParameterType([NumpyParameterType(numpy.array([1.0]))]),
})

@input_schema("Inputs", INPUTS)
@input_schema("GlobalParameters", StandardPythonParameterType(1.0), optional=True)
@output_schema(StandardPythonParameterType({"Results": StandardPythonParameterType([1.0])}))
def run(Inputs, GlobalParameters=2.0):
    kinds = {name: type(value).__name__ for name, value in Inputs.items()}
    inside = [type(each).__name__ for each in Inputs.get("arrays", [])]
    return {"Results": [kinds, inside, GlobalParameters]}
"""
)
UNCONVERTED = (
    NUMPY
    + """
@input_schema("a", NumpyParameterType(numpy.array([[1.0]])), convert_to_provided_type=False)
def run(a):
    return [a, type(a).__name__]
"""
)
OUTPUT_ONLY = (
    NUMPY
    + """
@output_schema(NumpyParameterType(numpy.array([1])))
def run(anything):
    return {"not": "an array", "got": anything}
"""
)
OWN_TYPE = (
    NUMPY
    + """
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType

class Words(AbstractParameterType):
    def deserialize_input(self, input_data):
        return set(input_data.split())
    def input_to_swagger(self):
        return {"type": "string", "example": "two words"}

@input_schema("words", Words({"two", "words"}))
def run(words):
    return sorted(words)
"""
)


@pytest.fixture(scope="module")
def types(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("types"), TYPES) as server:
        yield server


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, []),
        ({"i": 3}, ["3"]),
        ({"i": True}, ["True"]),
        ({"f": 2}, ["2"]),
        ({"f": 2.5}, ["2.5"]),
        ({"s": "t"}, ["'t'"]),
        ({"y": "YWI="}, ["b'ab'"]),
        ({"d": "2021-01-01T00:00:00"}, ["datetime.datetime(2021, 1, 1, 0, 0)"]),
        ({"t": "03:04"}, ["datetime.time(3, 4)"]),
        ({"l": [1, "x"]}, ["[1, 'x']"]),
        ({"m": {"other": 1}}, ["{'other': 1}"]),
        ({"i": 0}, ["0"]),
        ({"i": None, "unknown": 1}, []),
    ],
)
def test_values_of_standard_types(types: ScoringServer, given: dict[str, Any], seen: list[str]) -> None:
    reply = types.score(given, JSON)
    assert (reply.status, reply.json) == (200, seen)


@pytest.mark.parametrize(
    "given",
    [{"i": 1.5}, {"i": "3"}, {"f": "1"}, {"s": 1}, {"b": 1}, {"d": "nonsense"}, {"l": {"a": 1}}, {"m": [1]}],
)
def test_values_of_other_types(types: ScoringServer, given: dict[str, Any]) -> None:
    reply = types.score(given, JSON)
    assert reply.status == 400
    assert "does not fit the schema of run()" in reply.message


def test_several_parameters_and_headers(tmp_path: Path) -> None:
    with serving(tmp_path, SEVERAL) as server:
        good = {"a": [[1, 2]], "b": "y"}
        assert server.score(good, JSON).json == {"a": [[1.0, 2.0]], "b": "y", "c": 7, "type": "application/json"}
        assert server.score({**good, "c": {"any": [1]}}, JSON).json["c"] == {"any": [1]}
        refused = server.score({"c": 1}, JSON)
        assert refused.status == 400
        assert refused.message == "a, b: missing; expected a JSON object with a, b, c (optional)"
        assert server.score({**good, "b": 5}, JSON).status == 400
        reply = server.request("GET", "/score?a=[[1,2]]&b=text", None, JSON)
        assert (reply.status, reply.json["b"]) == (200, "text")


def test_the_shape_that_power_bi_sends(tmp_path: Path) -> None:
    with serving(tmp_path, POWER_BI) as server:
        inputs = {"table": [{"a": 1, "b": "y"}], "array": [[1, 2]], "arrays": [[1.0], [2.0, 3.0]]}
        kinds = {"table": "DataFrame", "array": "ndarray", "arrays": "list"}
        reply = server.score({"Inputs": inputs, "GlobalParameters": 3.5}, JSON)
        assert reply.json == {"Results": [kinds, ["ndarray", "ndarray"], 3.5]}
        assert server.score({"Inputs": {"array": [[1, 2]]}}, JSON).json["Results"] == [{"array": "ndarray"}, [], 2.0]
        assert server.score({"Inputs": {}}, JSON).json["Results"] == [{}, [], 2.0]
        assert "Inputs: missing" in server.score({"inputs": inputs}, JSON).message
        for wrong in ([], {"array": [[1]]}, {"table": [{"a": 1}]}, {"arrays": 5}):
            assert server.score({"Inputs": wrong}, JSON).status == 400
        document = server.get("/swagger.json?version=3").json["components"]["schemas"]
        assert set(document["ServiceInput"]["properties"]) == {"Inputs", "GlobalParameters"}
        assert set(document["ServiceInput"]["properties"]["Inputs"]["properties"]) == set(kinds)
        assert set(document["ServiceOutput"]["properties"]) == {"Results"}


def test_a_schema_that_converts_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, UNCONVERTED) as server:
        assert server.score({"a": [[1, "x"]]}, JSON).json == [[[1, "x"]], "list"]


def test_a_schema_of_the_result_alone(tmp_path: Path) -> None:
    with serving(tmp_path, OUTPUT_ONLY) as server:
        assert server.score({"anything": 1}, JSON).json == {"not": "an array", "got": 1}
        assert server.score(b"text").status == 415


def test_a_type_of_the_scripts_own(tmp_path: Path) -> None:
    with serving(tmp_path, OWN_TYPE) as server:
        assert server.score({"words": "b a b"}, JSON).json == ["a", "b"]
        assert server.score({"words": 5}, JSON).status == 500, "its code may be wrong as well as the data"


def test_under_strict_parity_a_wrong_type_is_an_error_of_run(tmp_path: Path) -> None:
    with serving(tmp_path, TYPES, **STRICT) as server:
        reply = server.score({"s": 1}, JSON)
        assert reply.status == 500
        assert reply.headers["x-ms-run-function-failed"] == "True"
