"""What is sent to a deployment for each kind of data, and what becomes of its answer."""

import datetime as dt
import json
import math
import pickle
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from localmodel import ScoringError, UserError
from localmodel.sdk import scoring
from localmodel.sdk.scoring import Place


def sent(data: object, place: Place = scoring.UNDECORATED) -> Any:
    body = scoring.encode(data, place)
    assert body.content_type == "application/json"
    return json.loads(body.content)


@pytest.mark.parametrize("data", [{"a": [1, 2.5]}, [[1, 2]], 5, 1.5, None, True, {}, []], ids=repr)
def test_what_json_has_a_form_for_is_sent_as_it_is(data: object) -> None:
    assert sent(data) == data


def test_a_text_that_is_json_is_sent_to_the_letter() -> None:
    assert scoring.encode('{"data":  [1.0]}').content == b'{"data":  [1.0]}'


@pytest.mark.parametrize("text", ["a sentence", "", "{not json", "größer"])
def test_any_other_text_is_sent_as_a_json_string(text: str) -> None:
    assert sent(text) == text


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\xff", bytearray(b"\x89PNG\xff"), memoryview(b"\x89PNG\xff")],
    ids=lambda data: type(data).__name__,
)
def test_bytes_are_sent_as_they_are(data: object) -> None:
    assert scoring.encode(data) == (b"\x89PNG\xff", "application/octet-stream")


@pytest.mark.parametrize("dtype", ["float64", "float32", "int8", "uint16", "bool"])
def test_an_array_is_nested_lists_under_data_as_azures_samples_read_it(dtype: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype)
    assert sent(array) == {"data": array.tolist()}


@pytest.mark.parametrize("shape", [(3,), (1, 4), (2, 3, 2), (0, 4)])
def test_an_array_keeps_its_shape(shape: tuple[int, ...]) -> None:
    assert np.array(sent(np.zeros(shape))["data"]).shape == shape[: None if shape[0] else 1]


def test_an_array_in_columns_first_order_or_in_steps_is_sent_row_by_row() -> None:
    array = np.arange(12).reshape(3, 4)
    assert sent(np.asfortranarray(array)) == sent(array)
    assert sent(array[::2, ::-1]) == {"data": [[3, 2, 1, 0], [11, 10, 9, 8]]}


def test_every_bit_of_a_number_arrives() -> None:
    values = [0.1 + 0.2, math.pi, 1e-308, 2.0**53]
    assert sent(np.array(values))["data"] == values
    assert sent(pd.DataFrame({"x": values}))["data"] == [{"x": value} for value in values]


def test_a_table_is_records_under_data() -> None:
    frame = pd.DataFrame({"age": [31, 52], "city": ["Oslo", "Rome"], "member": [True, False]})
    assert sent(frame) == {
        "data": [
            {"age": 31, "city": "Oslo", "member": True},
            {"age": 52, "city": "Rome", "member": False},
        ]
    }


def test_a_column_is_an_array() -> None:
    assert sent(pd.Series([1, 2], name="age")) == {"data": [1, 2]}


def test_what_is_missing_is_null() -> None:
    assert sent(np.array([1.0, np.nan])) == {"data": [1.0, None]}
    frame = pd.DataFrame(
        {
            "number": [1.5, None],
            "text": ["a", None],
            "day": [pd.Timestamp("2020-01-02"), pd.NaT],
            "count": pd.array([1, None], dtype="Int64"),
        }
    )
    assert sent(frame)["data"][1] == {"number": None, "text": None, "day": None, "count": None}
    assert sent({"x": float("nan"), "y": [np.float32("nan"), (1, float("nan"))]}) == {"x": None, "y": [None, [1, None]]}


def test_infinity_is_refused_for_json_has_none() -> None:
    for data in (np.array([np.inf]), [float("-inf")], pd.DataFrame({"x": [np.inf]})):
        with pytest.raises(ValueError, match="infinity, which cannot be written as JSON"):
            scoring.encode(data)
    with pytest.raises(ValueError, match=r"^\$\.a\[1\]\.b is infinity"):
        scoring.encode({"a": [float("nan"), {"b": np.float32("inf")}]})


def test_dates_are_iso_texts() -> None:
    day, moment = dt.date(2020, 1, 2), dt.datetime(2020, 1, 2, 3, 4, 5)
    assert sent({"day": day, "moment": moment}) == {"day": "2020-01-02", "moment": "2020-01-02T03:04:05"}
    assert sent(pd.DataFrame({"t": [pd.Timestamp(moment)]})) == {"data": [{"t": "2020-01-02T03:04:05"}]}
    assert sent(np.array(["2020-01-02T03:04:05"], "datetime64[ns]")) == {"data": ["2020-01-02T03:04:05"]}


def test_arrays_and_their_numbers_may_stand_inside() -> None:
    data = {"a": np.eye(2), "b": [np.int64(3), np.float32(0.5), np.bool_(True)], "c": pd.DataFrame({"x": [1]})}
    assert sent(data) == {"a": [[1.0, 0.0], [0.0, 1.0]], "b": [3, 0.5, True], "c": [{"x": 1}]}
    assert sent(np.float64(2.5)) == 2.5
    assert sent(np.array(7)) == 7


@pytest.mark.parametrize("data", [{1, 2}, Decimal("1.5"), [object()], 1j], ids=lambda data: type(data).__name__)
def test_what_has_no_json_is_named(data: object) -> None:
    with pytest.raises(TypeError, match=r"^\$(\[0\])?: (set|Decimal|object|complex) cannot be written as JSON"):
        scoring.encode(data)
    with pytest.raises(TypeError, match=r"^\$\.a: (set|Decimal|list|complex) cannot|^\$\.a\[0\]: object cannot"):
        scoring.encode({"a": data})


def test_keys_are_those_that_json_has() -> None:
    values, counts = np.unique([7, 7, 9], return_counts=True)
    assert sent(dict(zip(values, counts, strict=True))) == {"7": 2, "9": 1}
    keys = {np.bool_(True): 1, np.float32(0.5): [{np.uint8(2): float("nan")}], dt.date(2020, 1, 2): 2}
    assert sent(keys) == {"true": 1, "0.5": [{"2": None}], "2020-01-02": 2}
    assert sent({np.datetime64("2020-01-02T03:04:05", "ns"): 1}) == {"2020-01-02T03:04:05": 1}
    with pytest.raises(TypeError, match=r"^a key of \$\.a: tuple cannot be written as JSON"):
        scoring.encode({"a": {(1, 2): 3}})


def test_the_caller_says_what_type_the_body_has() -> None:
    body = scoring.encode(b"GIF")
    assert scoring.headers(body, None, None) == {"content-type": "application/octet-stream"}
    assert scoring.headers(body, None, {"Content-Type": "image/gif", "X-Mine": "1"}) == {
        "content-type": "image/gif",
        "x-mine": "1",
    }
    assert scoring.headers(body, "image/png", {"Content-Type": "image/gif"}) == {"content-type": "image/png"}


def document(properties: dict[str, Any]) -> dict[str, Any]:
    return {"components": {"schemas": {"ServiceInput": {"type": "object", "properties": properties}}}}


ARRAY = {"type": "array", "format": "numpy.ndarray"}
TEXT = {"type": "string"}


def table(orient: str) -> dict[str, Any]:
    return {"type": "array", "format": f"pandas.DataFrame:{orient}"}


def test_an_array_goes_to_the_parameter_that_the_schema_has() -> None:
    assert scoring.find_place(np.eye(2), document({"input_sample": ARRAY})) == Place(("input_sample",))
    assert scoring.find_place(np.eye(2), document({"rows": ARRAY, "note": TEXT})) == Place(("rows",))
    assert scoring.find_place(np.eye(2), document({"values": {"type": "array"}})) == Place(("values",))


def test_an_array_goes_into_the_shape_that_power_bi_reads() -> None:
    inner = {"type": "object", "properties": {"data": ARRAY}}
    place = scoring.find_place(np.eye(1), document({"Inputs": inner, "GlobalParameters": {"type": "number"}}))
    assert sent(np.eye(1), place) == {"Inputs": {"data": [[1.0]]}}


def test_a_table_goes_to_its_parameter_in_the_orient_of_the_schema() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    forms = {
        "records": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        "split": {"index": [0, 1], "columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]},
        "index": {"0": {"a": 1, "b": "x"}, "1": {"a": 2, "b": "y"}},
        "columns": {"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}},
        "values": [[1, "x"], [2, "y"]],
    }
    for orient, form in forms.items():
        place = scoring.find_place(frame, document({"table": table(orient), "rows": ARRAY}))
        assert sent(frame, place) == {"table": form}
    place = scoring.find_place(frame, document({"table": table("table")}))
    assert sent(frame, place)["table"]["data"] == [{"index": 0, "a": 1, "b": "x"}, {"index": 1, "a": 2, "b": "y"}]


def test_without_a_schema_the_place_is_azures() -> None:
    for nothing in ({}, document({}), {"components": {"schemas": {}}}):
        assert scoring.find_place(np.eye(2), nothing) == Place(("data",))


def test_where_several_parameters_could_be_meant_they_are_named() -> None:
    with pytest.raises(UserError, match=r"\(left, right\): send a dict") as caught:
        scoring.find_place(np.eye(2), document({"left": ARRAY, "right": ARRAY}))
    assert caught.value.reason == "InputAmbiguous"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/problem+json"])
def test_an_answer_in_json_is_parsed(kind: str) -> None:
    assert scoring.decode(kind, b'{"a": [1]}') == {"a": [1]}


def test_any_other_answer_is_its_bytes() -> None:
    assert scoring.decode("image/png", b"\x89PNG") == b"\x89PNG"
    assert scoring.decode("", b"") == b""


def test_an_answer_that_only_claims_to_be_json_is_shown() -> None:
    with pytest.raises(UserError, match=r"cannot be read as application/json: .*\nnonsense"):
        scoring.decode("application/json", b"nonsense")


def test_a_scoring_error_has_everything_and_says_it() -> None:
    error = ScoringError(500, b'{"message": "run() failed"}', "4fd1", "Traceback ...\nKeyError: 'age'")
    assert (error.status, error.body, error.request_id) == (500, b'{"message": "run() failed"}', "4fd1")
    assert str(error) == "run() failed (status 500, x-request-id 4fd1)\n\nTraceback ...\nKeyError: 'age'"
    assert str(ScoringError(404, b"<p>gone</p>")) == "<p>gone</p> (status 404, x-request-id unknown)"
    assert isinstance(error, UserError) and error.reason == "ScoringFailed"


def test_a_scoring_error_passes_between_processes() -> None:
    error = pickle.loads(pickle.dumps(ScoringError(500, b"{}", "4fd1", "Traceback")))
    assert (error.status, error.body, error.request_id, error.traceback) == (500, b"{}", "4fd1", "Traceback")
