"""CSV files as the JSON of a request."""

import json
from typing import Any

import pytest

from localmodel.cli.csv_rows import NotATableError, body

TABLE = "age,plan,active,note\n41,basic,true,\n7.5,pro,False,007\n"


def sent(text: str, example: object = None) -> Any:
    return json.loads(body(text, example))


def test_without_a_schema_it_is_a_list_of_rows() -> None:
    assert sent(TABLE) == {"data": [[41, "basic", True, None], [7.5, "pro", False, "007"]]}


def test_a_first_line_with_a_number_is_a_row() -> None:
    assert sent("1,2\n3,4.5\n") == {"data": [[1, 2], [3, 4.5]]}


def test_a_schema_of_records_gets_records() -> None:
    wanted = {"frame": [{"age": 1, "plan": "basic"}], "threshold": 0.5}
    assert sent("age,plan\n41,basic\n", wanted) == {"frame": [{"age": 41, "plan": "basic"}]}


def test_a_schema_of_a_table_in_parts_gets_the_same_parts() -> None:
    form = {"input_data": {"columns": ["a"], "index": [0], "data": [[1]]}}
    assert sent("a,b\n1,x\n", form) == {"input_data": {"columns": ["a", "b"], "index": [0], "data": [[1, "x"]]}}
    del form["input_data"]["index"]
    assert sent("a,b\n1,x\n", form) == {"input_data": {"columns": ["a", "b"], "data": [[1, "x"]]}}


def test_a_schema_of_values_gets_the_first_column() -> None:
    assert sent("text\nfine\nbad\n", {"texts": ["a sample"]}) == {"texts": ["fine", "bad"]}


@pytest.mark.parametrize("cell", ["1_000", "NaN", "inf", "1e999", "0x10", "1234567890123456789012", "٣"])
def test_what_json_has_no_number_for_is_text(cell: str) -> None:
    assert sent(f"name\n{cell}\n")["data"][0][0] in (cell, pytest.approx(1.2345678901234568e21))


def test_what_is_not_csv_is_said() -> None:
    with pytest.raises(NotATableError):
        sent('a,b\n"1,2\n')


@pytest.mark.parametrize("text", ["a,b\n1,2\n\n3,4,5\n", "a,b\n1,2\n\n3\n", "1,2\n3,4\n\n5\n"])
def test_a_line_with_more_or_fewer_values_is_named(text: str) -> None:
    with pytest.raises(NotATableError, match=r"line 4 has [13] values?, and the first 2"):
        sent(text)


def test_an_empty_file_is_no_rows() -> None:
    assert sent("") == {"data": []}
