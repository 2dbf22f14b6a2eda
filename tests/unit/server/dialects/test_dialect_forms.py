"""What KServe v1, MLflow and SageMaker clients send, as calls of the script."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from localmodel_server.dialects import invocations, predict_request
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call, Headers
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.payloads.script_call import Target
from localmodel_server.payloads.tables import from_csv

ARRAY = Value("x", "numpy", dtype="float64", shape=(-1, 2))
FRAME = Value("frame", "pandas", columns=(("a", "int64"), ("b", "object")), orient="records")
NOTE = Value("note", "standard", required=False)
TEXT = Target(Contract())
HTTP = Target(Contract(mode="http"))
CSV: Headers = [(b"content-type", b"text/csv; charset=utf-8")]
JSON: Headers = [(b"content-type", b"application/json")]


def _schema(*parameters: Value, **swagger: dict[str, Any]) -> Target:
    return Target(Contract(mode="schema", parameters=parameters, swagger={"input": {"properties": swagger}}))


def _v1(target: Target, content: Any) -> Any:
    return json.loads(predict_request.decode(json.dumps(content).encode(), [], target).body)


def _mlflow(target: Target, content: Any) -> Any:
    return json.loads(invocations.decode(json.dumps(content).encode(), JSON, target).call.body)


@pytest.mark.parametrize(
    ("orient", "written"),
    [
        ("records", [{"a": 1, "b": "x"}]),
        ("split", {"columns": ["a", "b"], "index": [0], "data": [[1, "x"]]}),
        ("values", [[1, "x"]]),
        ("index", {"0": {"a": 1, "b": "x"}}),
        ("columns", {"a": {"0": 1}, "b": {"0": "x"}}),
    ],
)
def test_a_table_is_written_in_the_orient_that_the_script_declares(orient: str, written: Any) -> None:
    target = _schema(Value("frame", "pandas", columns=FRAME.columns, orient=orient))
    assert _mlflow(target, {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"]]}}) == {"frame": written}


def test_an_orient_of_a_table_with_its_schema_names_the_types() -> None:
    columns = (("i", "int64"), ("f", "float32"), ("b", "bool"), ("t", "datetime64[ns]"), ("s", "object"))
    target = _schema(Value("frame", "pandas", columns=columns, orient="table"))
    row = {"i": 1, "f": 2.5, "b": True, "t": "2020-01-01", "s": "x"}
    frame = _mlflow(target, {"dataframe_records": [row]})["frame"]
    types = [each["type"] for each in frame["schema"]["fields"]]
    assert types == ["integer", "number", "boolean", "datetime", "string"] and frame["data"] == [row]


def test_a_table_may_lack_columns_where_the_script_does_not_enforce_its_shape() -> None:
    some = Value("frame", "pandas", columns=FRAME.columns, orient="records", enforces_shape=False)
    assert _mlflow(_schema(some), {"dataframe_records": [{"a": 1}]}) == {"frame": [{"a": 1}]}
    assert _v1(_schema(some), {"instances": [{"a": 1}]}) == {"frame": [{"a": 1}]}
    with pytest.raises(BadRequestError, match="frame has the 2 columns a, b, got 1"):
        _mlflow(_schema(FRAME), {"dataframe_records": [{"a": 1}]})


def test_kserve_v1_rows_and_columns() -> None:
    assert _v1(TEXT, {"instances": [[1, 2]]}) == {"data": [[1, 2]]}
    assert _v1(TEXT, {"inputs": {"a": [1], "b": [2]}}) == {"a": [1], "b": [2]}
    assert _v1(_schema(ARRAY), {"instances": [[1, 2]], "signature_name": "x"}) == {"x": [[1, 2]]}
    assert _v1(_schema(ARRAY), {"inputs": [[1, 2]]}) == {"x": [[1, 2]]}
    assert _v1(_schema(ARRAY), {"instances": [{"any": [1, 2]}, {"any": [3, 4]}]}) == {"x": [[1, 2], [3, 4]]}
    assert _v1(_schema(FRAME), {"instances": [[1, "x"]]}) == {"frame": [{"a": 1, "b": "x"}]}
    assert _v1(_schema(FRAME), {"instances": [{"a": 1, "b": "x"}]}) == {"frame": [{"a": 1, "b": "x"}]}
    two = _schema(ARRAY, Value("y", "numpy", dtype="int64", shape=(-1,)))
    assert _v1(two, {"instances": [{"x": [1, 2], "y": 3}]}) == {"x": [[1, 2]], "y": [3]}
    with pytest.raises(BadRequestError, match="run\\(\\) takes x, y: give each by name"):
        _v1(two, {"instances": [[1, 2]]})
    for wrong in ({}, {"instances": [], "inputs": []}, {"instances": 1}, [], None):
        with pytest.raises(BadRequestError):
            _v1(TEXT, wrong)


def test_kserve_v1_predictions() -> None:
    assert predict_request.encode(b"[1, NaN]") == b'{"predictions":[1, NaN]}'
    assert predict_request.encode(b'{"predictions": [1]}') == b'{"predictions": [1]}'
    assert predict_request.encode(b'{"a": "predictions"}') == b'{"predictions":{"a": "predictions"}}'


def test_mlflow_forms() -> None:
    split = {"columns": ["a", "b"], "data": [[1, "x"]]}
    assert _mlflow(TEXT, {"dataframe_split": split}) == {"columns": ["a", "b"], "data": [[1, "x"]]}
    indexed = {"input_data": {**split, "index": [7]}}
    assert _mlflow(TEXT, indexed) == {"columns": ["a", "b"], "index": [7], "data": [[1, "x"]]}
    assert _mlflow(TEXT, {"dataframe_records": [{"a": 1}]}) == {"data": [{"a": 1}]}
    assert _mlflow(TEXT, {"inputs": {"a": [1]}}) == {"a": [1]}
    frame = {"frame": [{"a": 1, "b": "x"}]}
    for form in (
        {"dataframe_split": split},
        {"dataframe_records": frame["frame"]},
        {"instances": frame["frame"]},
        {"inputs": {"a": [1], "b": ["x"]}},
        indexed,
    ):
        assert _mlflow(_schema(FRAME), form) == frame
    assert _mlflow(_schema(ARRAY), {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2]]}}) == {"x": [[1, 2]]}
    assert _mlflow(_schema(ARRAY), {"input_data": [[1, 2]]}) == {"x": [[1, 2]]}


def test_mlflow_params_reach_a_parameter_of_that_name() -> None:
    form = {"instances": [[1, 2]], "params": {"k": 1}}
    assert _mlflow(_schema(ARRAY), form) == {"x": [[1, 2]]}
    assert _mlflow(_schema(ARRAY, Value("params", "standard")), form) == {"x": [[1, 2]], "params": {"k": 1}}


def test_mlflow_csv() -> None:
    call = invocations.decode(b"a,b\n1,x\n2,y\n", CSV, _schema(FRAME)).call
    assert json.loads(call.body) == {"frame": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}
    table = from_csv('\ufeffi,f,e,t,s,q\r\n1,1,,True,1x,"a ""b"",\n c"\r\n-2,2.5,4,false,,nan\r\n')
    assert table.columns == ["i", "f", "e", "t", "s", "q"]
    assert table.rows == [[1, 1.0, None, True, "1x", 'a "b",\n c'], [-2, 2.5, 4.0, False, None, None]]
    for wrong, message in ((b"", "CSV body is empty"), (b"a,b\n1\n", "row 2 has 1 values"), (b"\xff", "not UTF-8")):
        with pytest.raises(BadRequestError, match=message):
            invocations.decode(wrong, CSV, TEXT)


def test_a_body_without_a_key_of_mlflow_goes_to_the_script_as_it_is() -> None:
    for text in (b'{"data": [1]}', b"[1]", b'"x"', b"1"):
        invocation = invocations.decode(text, JSON, TEXT)
        assert (invocation.call.kind, invocation.call.body, invocation.predictions) == ("text", text, False)
    assert invocations.decode(b'{"x": [[1, 2]]}', JSON, _schema(ARRAY)).call.kind == "json"
    image: Headers = [(b"content-type", b"image/png")]
    assert invocations.decode(b"\x89PNG", image, HTTP).call == Call("http", b"\x89PNG", headers=image)
    for headers in (image, []):
        with pytest.raises(BadRequestError) as caught:
            invocations.decode(b"\x89PNG", headers, TEXT)
        assert caught.value.status == 415


@pytest.mark.parametrize(
    "content",
    [
        {"instances": [], "inputs": []},
        {"dataframe_split": []},
        {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}},
        {"dataframe_split": {"columns": ["a"], "data": 1}},
        {"dataframe_split": {"columns": ["a"], "data": [[1]], "index": [1, 2]}},
        {"dataframe_records": [1]},
        {"instances": {}},
    ],
    ids=str,
)
def test_mlflow_forms_that_are_wrong(content: Any) -> None:
    with pytest.raises(BadRequestError) as caught:
        _mlflow(TEXT, content)
    assert caught.value.status == 400


_GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x", "data"]), inner),
    max_leaves=10,
)
_FORMS = st.dictionaries(st.sampled_from([*invocations.KEYS, "params", "other"]), _GARBAGE, max_size=2) | _GARBAGE
_SPLITS = st.fixed_dictionaries(
    {"columns": st.lists(_GARBAGE, max_size=3), "data": _GARBAGE | st.lists(st.lists(_GARBAGE))}
)
_ALL = (TEXT, HTTP, _schema(ARRAY), _schema(FRAME), _schema(ARRAY, NOTE), _schema(ARRAY, FRAME, NOTE), _schema(NOTE))


@given(_FORMS | _SPLITS.map(lambda split: {"dataframe_split": split}), st.sampled_from(_ALL))
@settings(deadline=None, max_examples=examples(400))
def test_any_json_is_a_call_or_refused(content: Any, target: Target) -> None:
    body = json.dumps(content).encode()
    for decode in (lambda: invocations.decode(body, JSON, target), lambda: predict_request.decode(body, [], target)):
        try:
            decode()
        except BadRequestError as error:
            assert 400 <= error.status < 500 and str(error)


@given(
    st.binary(max_size=100) | st.text(alphabet='a1,.";\r\n\0\u00e4', max_size=60).map(str.encode), st.sampled_from(_ALL)
)
@settings(deadline=None)
def test_any_csv_is_a_call_or_refused(body: bytes, target: Target) -> None:
    try:
        invocations.decode(body, CSV, target)
    except BadRequestError as error:
        assert error.status == 400


@pytest.mark.parametrize("dialect", [predict_request, invocations])
def test_a_number_that_is_too_long_is_refused_in_our_words(dialect: Any) -> None:
    with pytest.raises(BadRequestError, match=r"^the body is not JSON: a number in it has too many digits$"):
        dialect.decode(b'{"instances": [' + b"1" * 5000 + b"]}", JSON, TEXT)
