"""The form of a request, for requests of all kinds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.captured import captured_line

from localmodel.output import printable
from localmodel.targets import captured_request
from localmodel.ui.request import form
from localmodel.ui.request.trying import last_body

DIGIT = [0.0] * 783 + [0.9]


def controls(example: object, schema: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    return [(field.label, field.kind) for field in form.fields(example, schema or {})]


@pytest.mark.parametrize(
    ("example", "made"),
    [
        ({"data": [DIGIT]}, [("data[0]", "picture")]),
        ({"data": [[[0] * 28] * 28]}, [("data[0]", "picture")]),
        (DIGIT, [("request", "picture")]),
        ({"data": [[54.0, 2.0]]}, [("data[0][0]", "number"), ("data[0][1]", "number")]),
        ({"age": 41, "plan": "basic", "new": True}, [("age", "number"), ("plan", "text"), ("new", "flag")]),
        ({"data": [{"age": 41}]}, [("data[0].age", "number")]),
        # rows of a table stay together
        ({"data": [[1, 2], [3, 4]]}, [("data", "json")]),
        ({"data": [{"age": 41}, {"age": 42}]}, [("data", "table")]),
        ({"columns": ["age"], "index": [0], "data": [[41]]}, [("request", "table")]),
        (
            {"columns": ["age"], "data": [[41, 1]], "more": 1},
            [("columns[0]", "text"), ("data[0][0]", "number"), ("data[0][1]", "number"), ("more", "number")],
        ),
        # no tables
        ({"data": [{"age": 41}, {"name": "x"}]}, [("data", "json")]),
        ({"data": [{"age": [41]}, {"age": [42]}]}, [("data", "json")]),
        ({"data": [{"age": 41}] * 401}, [("data", "json")]),
        ({"data": []}, [("data", "json")]),
        ({"data": None}, [("data", "json")]),
        ({}, [("request", "json")]),
        ("text", [("request", "text")]),
        (5, [("request", "number")]),
        # too many to be a form
        ({"data": [0.0] * 41}, [("data", "json")]),
        ({f"column {number}": 1 for number in range(61)}, [("request", "json")]),
        # no picture
        ({"data": [[*DIGIT[:-1], True]]}, [("data[0]", "json")]),
        ({"data": [DIGIT[:-1]]}, [("data[0]", "json")]),
    ],
)
def test_each_part_of_a_request_has_the_control_that_fits(example: object, made: list[tuple[str, str]]) -> None:
    assert controls(example) == made


def test_what_is_nested_without_end_is_json() -> None:
    value: Any = 1
    for _ in range(2000):
        value = [value]
    ((label, kind),) = controls(value)
    assert kind == "json" and label == "[0]" * 8


@pytest.mark.parametrize("text", ["a\u200eb", "a\x7fb", "a\x1bb", "two\nlines", "\u202e"])
def test_a_text_that_a_line_cannot_show_is_json_that_stays_the_same(text: str) -> None:
    for value in (text, [[text], [text]]):
        (field,) = form.fields(value, {})
        assert field.kind == "json" and json.loads(field.json) == value
        assert printable.printable(field.json) == field.json, "the page shows it as it is sent"


def test_a_picture_has_the_brightness_of_its_example() -> None:
    (dark,), (bright,) = form.fields([DIGIT], {}), form.fields([[255, *DIGIT[1:]]], {})
    assert (dark.scale, bright.scale) == (1, 255)


def test_a_whole_number_is_one_by_the_schema() -> None:
    schema = {"properties": {"age": {"type": "integer"}, "height": {"type": "number"}}}
    assert [field.whole for field in form.fields({"age": 41, "height": 2}, schema)] == [True, False]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([{"age": 41, "name": "x"}], []),
        ({"columns": ["age", "name"], "index": ["a"], "data": [[41, "x"]]}, ["data"]),
    ],
)
def test_one_row_is_a_table_where_the_schema_declares_one(value: object, place: list[str]) -> None:
    schema = {"properties": {"frame": {"format": "pandas.DataFrame:split"}}}
    (field,) = form.fields({"frame": value}, schema)
    assert field.table and field.table.columns == ("age", "name")
    assert json.loads(field.rows_key) == ["frame", *place]
    ((age, name),) = field.cells
    assert (age.kind, age.value, name.kind, name.value) == ("number", 41, "text", "x")
    part: Any = {"frame": value}
    for step in json.loads(age.key):
        part = part[step]
    assert part == 41


def test_what_is_missing_in_a_column_of_numbers_would_be_a_number() -> None:
    (field,) = form.fields([{"age": None, "name": None, "new": True}, {"age": 41, "name": "x", "new": False}], {})
    assert [cell.kind for cell in field.cells[0]] == ["number", "json", "flag"]


def test_keys_and_values_are_json_whatever_they_contain() -> None:
    (field,) = form.fields({'"><script>': ["a", ["b"]]}, {})
    assert json.loads(field.key) == ['"><script>'] and json.loads(field.json) == ["a", ["b"]]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object", "example": {"data": [[1]]}}, {"data": [[1]]}),
        ({"type": "object", "properties": {"x": {"type": "array", "items": {"type": "number"}}}}, {"x": [0.0]}),
        ({"properties": {"a": {"type": "string"}, "b": {"type": "boolean"}, "c": {"default": 7}}}, None),
        ({"examples": [[1, 2]]}, [1, 2]),
        ({"properties": 5}, {}),
        ({}, None),
    ],
)
def test_an_example_is_made_of_a_schema(schema: dict[str, Any], value: object) -> None:
    assert form.example_of(schema) == (value if value is not None or not schema else {"a": "", "b": False, "c": 7})


def test_a_schema_that_contains_itself_ends() -> None:
    schema: dict[str, Any] = {"type": "array"}
    schema["items"] = schema
    assert form.example_of(schema) is not None


def test_the_last_captured_request_is_the_last_json_that_was_scored() -> None:
    lines = [
        captured_line(body="[1]"),
        captured_line(body="[2]"),
        captured_line(body="[3]", dialect="oip"),
        captured_line(body="a=b", headers={"content-type": "application/x-www-form-urlencoded"}),
        captured_line(body=None),
    ]
    assert last_body([captured_request.of_line(line) for line in lines]) == "[2]"
    assert last_body([]) == ""
