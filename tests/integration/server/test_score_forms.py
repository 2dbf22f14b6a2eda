"""A script with a schema answers the bodies of Azure's and MLflow's clients at /score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure_scripts import JSON, PANDAS, STRICT, serving
from support.server.scoring_server_process import ScoringServer

MATRIX = (
    PANDAS + '@input_schema("data", NumpyParameterType(numpy.zeros((1, 2))))\ndef run(data): return data.tolist()\n'
)
TABLE = (
    PANDAS
    + """
@input_schema("data", PandasParameterType(pandas.DataFrame({"age": [1.0], "city": ["a"]})))
def run(data):
    return [list(row) for row in data[["age", "city"]].itertuples(index=False)]
"""
)
OWN = (
    PANDAS
    + '@input_schema("inputs", NumpyParameterType(numpy.zeros((1, 2))))\ndef run(inputs): return inputs.tolist()\n'
)
ROWS = [[1.0, 2.0], [3.0, 4.0]]
RECORDS = [{"age": 1.0, "city": "Bern"}, {"age": 2.0, "city": "Ulm"}]
SPLIT = {"columns": ["city", "age"], "index": [0, 1], "data": [["Bern", 1], ["Ulm", 2]]}


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("matrix"), MATRIX) as server:
        yield server


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScoringServer]:
    with serving(tmp_path_factory.mktemp("table"), TABLE) as server:
        yield server


@pytest.mark.parametrize(
    "body",
    [
        {"data": ROWS},
        {"input_data": ROWS},
        {"input_data": {"columns": ["a", "b"], "index": [0, 1], "data": ROWS}},
        {"dataframe_split": {"columns": ["a", "b"], "data": ROWS}},
        {"dataframe_records": [{"a": a, "b": b} for a, b in ROWS]},
        {"instances": ROWS},
        {"inputs": ROWS},
        {"params": {"x": 1}, "inputs": ROWS},
    ],
)
def test_an_array_in_every_form(matrix: ScoringServer, body: Any) -> None:
    for text in (json.dumps(body), json.dumps(body, indent=2)):
        assert matrix.score(text.encode(), JSON).json == ROWS


@pytest.mark.parametrize(
    "body",
    [
        {"data": RECORDS},
        {"input_data": SPLIT},
        {"dataframe_split": SPLIT},
        {"dataframe_records": RECORDS},
        {"instances": RECORDS},
        {"inputs": {"age": [1, 2], "city": ["Bern", "Ulm"]}},
    ],
)
def test_a_table_in_every_form(table: ScoringServer, body: Any) -> None:
    assert table.score(body, JSON).json == [[1.0, "Bern"], [2.0, "Ulm"]]


def test_a_large_body_is_answered_too(table: ScoringServer) -> None:
    body = {"input_data": {"columns": ["age", "city"], "data": [[1.0, "Bern"]] * 200_000}}
    assert table.score(body, JSON).json == [[1.0, "Bern"]] * 200_000


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"input_data": {"columns": ["a"], "data": ROWS}}, "row 0 of data must be a list of 1 values"),
        ({"dataframe_records": ROWS}, "must be a list of objects"),
        ({"instances": ROWS, "inputs": ROWS}, "exactly one of"),
        ({"input_data": [[1]]}, "dimension #1"),
        ({"rows": ROWS}, "data: missing"),
    ],
)
def test_what_does_not_fit_is_the_clients_fault(matrix: ScoringServer, body: Any, words: str) -> None:
    reply = matrix.score(body, JSON)
    assert reply.status == 400
    assert words in reply.message


def test_a_parameter_of_the_name_is_the_scripts(tmp_path: Path) -> None:
    with serving(tmp_path, OWN) as server:
        assert server.score({"inputs": ROWS}, JSON).json == ROWS
        assert server.score({"input_data": ROWS}, JSON).json == ROWS


def test_under_strict_parity_there_is_no_other_form(tmp_path: Path) -> None:
    with serving(tmp_path, MATRIX, **STRICT) as server:
        assert server.score({"input_data": ROWS}, JSON).status == 400
        assert server.score({"data": ROWS}, JSON).json == ROWS
