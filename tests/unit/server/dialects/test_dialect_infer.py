"""Infer requests as calls of the script, and results as tensors."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy
import pytest

from localmodel_server.dialects.oip import infer_answer, infer_request, model_metadata
from localmodel_server.dialects.oip.infer_request import HEADER_LENGTH
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.payloads.script_call import Target

ARRAY = Value("x", "numpy", dtype="float64", shape=(-1, 2))
FRAME = Value("frame", "pandas", columns=(("a", "int64"), ("b", "object")), orient="records")
NOTE = Value("note", "standard", required=False)
TEXT = Target(Contract())
HTTP = Target(Contract(mode="http"))


def _schema(*parameters: Value, **swagger: dict[str, Any]) -> Target:
    return Target(Contract(mode="schema", parameters=parameters, swagger={"input": {"properties": swagger}}))


def _infer(target: Target, *inputs: tuple[str, str, list[int], list[Any]]) -> Call:
    names = ("name", "datatype", "shape", "data")
    body = json.dumps({"inputs": [dict(zip(names, each, strict=True)) for each in inputs]})
    return infer_request.decode(body.encode(), [], target)[0]


def _answer(result: Any, declared: Value | None = None, **wanted: Any) -> list[dict[str, Any]]:
    asked = infer_request.WantedOutputs(None, wanted.get("outputs", {}), False)
    answer, _ = infer_answer.encode(json.dumps(result).encode(), declared, asked, "model", "1")
    return list(json.loads(answer)["outputs"])


def test_an_undecorated_script_gets_the_text_that_azure_users_write() -> None:
    one = _infer(TEXT, ("any", "FP32", [2, 2], [1, 2.5, 3, 4]))
    assert (one.kind, one.body) == ("text", b'{"data":[[1,2.5],[3,4]]}')
    two = _infer(TEXT, ("a", "INT64", [2], [1, 2]), ("b", "BYTES", [2], ["x", "y"]))
    assert two.body == b'{"a":[1,2],"b":["x","y"]}'
    renamed = Target(Contract(), input_key="inputs")
    assert _infer(renamed, ("any", "BOOL", [1], [True])).body == b'{"inputs":[true]}'


def test_a_script_that_takes_requests_gets_one_of_the_text_it_can_read() -> None:
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"99"), (b"x-who", b"me")]
    body = b'{"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[7]}]}'
    call, _ = infer_request.decode(body, headers, HTTP)
    assert (call.kind, call.method, call.target, call.body) == ("http", "POST", "/score", b'{"data":[7]}')
    assert dict(call.headers) == {b"x-who": b"me", b"content-type": b"application/json", b"content-length": b"12"}


def test_arrays_go_to_parameters_by_name() -> None:
    target = _schema(ARRAY, Value("y", "numpy", dtype="int32", shape=(-1,)))
    call = _infer(target, ("y", "INT32", [1], [9]), ("x", "FP64", [1, 2], [1, 2]))
    assert call.kind == "arrays" and [tuple(each) for each in call.arrays] == [("y", "<i4", (1,)), ("x", "<f8", (1, 2))]
    assert call.body == struct.pack("<idd", 9, 1, 2)
    with pytest.raises(BadRequestError, match="run\\(\\) takes x, y: z is not one of them, y is missing"):
        _infer(target, ("x", "FP64", [1, 2], [1, 2]), ("z", "FP64", [1], [1]))


def test_a_single_array_may_have_any_name_and_texts_go_as_json() -> None:
    assert _infer(_schema(ARRAY, NOTE), ("input-0", "FP32", [1, 2], [1, 2])).arrays[0].name == "x"
    words = Value("words", "numpy", dtype="str32", shape=(-1,))
    assert json.loads(_infer(_schema(words), ("any", "BYTES", [2], ["a", "b"])).body) == {"words": ["a", "b"]}
    with pytest.raises(BadRequestError, match="run\\(\\) takes one array, x, but got p, q"):
        _infer(_schema(ARRAY), ("p", "FP32", [1], [1]), ("q", "FP32", [1], [1]))


def test_a_table_comes_as_one_tensor_a_column() -> None:
    columns = ("a", "INT64", [2], [1, 2]), ("b", "BYTES", [2, 1], ["x", "y"])
    assert json.loads(_infer(_schema(FRAME), *columns).body) == {"frame": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]}
    with_note = _infer(_schema(FRAME, NOTE, note={"type": "string"}), *columns, ("note", "BYTES", [1], ["hi"]))
    assert json.loads(with_note.body) == {"frame": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "note": "hi"}
    with pytest.raises(BadRequestError, match="frame has the 2 columns a, b, got 1"):
        _infer(_schema(FRAME, NOTE, Value("n", "standard", required=True)), columns[0], ("n", "INT8", [1], [1]))
    with pytest.raises(BadRequestError, match="differ in their number of rows: a has 2, b has 1"):
        _infer(_schema(FRAME), columns[0], ("b", "BYTES", [1], ["x"]))


def test_a_bare_value_of_the_schema_is_unwrapped() -> None:
    number = _schema(Value("n", "standard"), n={"type": "integer"})
    assert json.loads(_infer(number, ("any", "INT64", [1], [5])).body) == {"n": 5}
    items = _schema(Value("n", "standard"), n={"type": "array"})
    assert json.loads(_infer(items, ("any", "INT64", [1], [5])).body) == {"n": [5]}
    thing = _schema(Value("n", "standard"), n={"type": "object"})
    assert json.loads(_infer(thing, ("any", "BYTES", [1], ['{"a": 1}'])).body) == {"n": {"a": 1}}
    with pytest.raises(BadRequestError, match="must hold the JSON text of an object"):
        _infer(thing, ("any", "BYTES", [1], ["{"]))


def test_a_tensor_without_dimensions_has_no_rows_to_send_as_an_array() -> None:
    call = _infer(_schema(ARRAY), ("any", "FP64", [], [5]))
    assert (call.kind, json.loads(call.body)) == ("json", {"x": 5})


def test_raw_bytes_without_any_json_are_the_only_tensor() -> None:
    data = numpy.arange(6, dtype="<f8").tobytes()
    call, wanted = infer_request.decode(data, [(HEADER_LENGTH, b"0")], _schema(ARRAY))
    assert (call.arrays[0].shape, call.body, wanted.binary) == ((3, 2), data, True)
    with pytest.raises(BadRequestError, match="needs 32 bytes of data, got 40"):
        infer_request.decode(data[:-8], [(HEADER_LENGTH, b"0")], _schema(ARRAY))
    with pytest.raises(BadRequestError, match="the body is not JSON"):
        infer_request.decode(b"", [], _schema(ARRAY))
    assert infer_request.decode(b"hello", [(HEADER_LENGTH, b"0")], TEXT)[0].body == b'{"data":["hello"]}'


def test_results_become_tensors() -> None:
    def told(result: Any, declared: Value | None = None) -> list[tuple[Any, ...]]:
        return [(each["name"], each["datatype"], each["shape"], each["data"]) for each in _answer(result, declared)]

    assert told([[1, 2], [3, 4]]) == [("output-0", "INT64", [2, 2], [1, 2, 3, 4])]
    assert told(0.5) == [("output-0", "FP64", [1], [0.5])]
    assert told("text") == [("output-0", "BYTES", [1], ["text"])]
    assert told([True, False]) == [("output-0", "BOOL", [2], [True, False])]
    assert told([1, None, float("nan")]) == [("output-0", "FP64", [3], [1, None, None])]
    assert told([2**63]) == [("output-0", "UINT64", [1], [2**63])]
    assert told([]) == [("output-0", "FP64", [0], [])]
    assert told([1, "a", None]) == [("output-0", "BYTES", [3], ["1", '"a"', "null"])]
    assert told([[1], [2, 3]]) == [("output-0", "BYTES", [2], ["[1]", "[2,3]"])]
    assert told({"label": ["a"], "score": [0.5]}) == [("label", "BYTES", [1], ["a"]), ("score", "FP64", [1], [0.5])]
    assert told([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]) == [
        ("a", "INT64", [2], [1, 2]),
        ("b", "BYTES", [2], ["x", "y"]),
    ]
    single = Value("output", "numpy", dtype="float32", shape=(-1,))
    assert told([1, 2], single) == [("output-0", "FP32", [2], [1, 2])]
    assert told(["a"], single) == [("output-0", "BYTES", [1], ["a"])]


def test_the_client_chooses_outputs_by_name() -> None:
    assert [each["name"] for each in _answer([1], outputs={"OUT": False})] == ["OUT"]
    assert [each["name"] for each in _answer({"a": [1], "b": [2]}, outputs={"b": False})] == ["b"]
    with pytest.raises(BadRequestError, match="unknown output c; the outputs are a, b"):
        _answer({"a": [1], "b": [2]}, outputs={"c": False})


def test_outputs_are_binary_as_asked_for() -> None:
    def wanted(**content: Any) -> infer_request.WantedOutputs:
        tensor = {"name": "x", "datatype": "INT8", "shape": [1], "data": [1]}
        return infer_request.decode(json.dumps({"inputs": [tensor], **content}).encode(), [], TEXT)[1]

    outputs = [{"name": "a", "parameters": {"binary_data": False}}, {"name": "b"}]
    asked = wanted(id="42", outputs=outputs, parameters={"binary_data_output": True})
    assert asked == ("42", {"a": False, "b": True}, True)
    answer, headers = infer_answer.encode(b'{"a": [1], "b": ["x", "yz"]}', None, asked, "model", "1")
    length = int(dict(headers)[HEADER_LENGTH])
    a, b = json.loads(answer[:length])["outputs"]
    assert a["data"] == [1] and "data" not in b and b["parameters"] == {"binary_data_size": 11}
    assert answer[length:] == struct.pack("<I", 1) + b"x" + struct.pack("<I", 2) + b"yz"


def test_an_answer_of_the_scripts_own_that_is_not_json_is_text() -> None:
    asked = infer_request.WantedOutputs(None, {}, False)
    answer, _ = infer_answer.encode(b"plain text", None, asked, "model", "1")
    assert json.loads(answer)["outputs"][0]["data"] == ["plain text"]
    with pytest.raises(BadRequestError, match="neither JSON nor text") as caught:
        infer_answer.encode(b"\x89PNG\xff", None, asked, "model", "1")
    assert caught.value.status == 500


def test_metadata_of_a_schema() -> None:
    contract = Contract(
        mode="schema",
        parameters=(ARRAY, FRAME, NOTE),
        output=Value("output-0", "numpy", dtype="int64", shape=(-1, 3)),
        swagger={"input": {"properties": {"note": {"type": "array", "items": {"type": "number"}}}}},
    )
    told = model_metadata.metadata("digits", "4", contract)
    assert (told["name"], told["versions"]) == ("digits", ["4"])
    assert told["inputs"] == [
        {"name": "x", "datatype": "FP64", "shape": [-1, 2]},
        {"name": "a", "datatype": "INT64", "shape": [-1]},
        {"name": "b", "datatype": "BYTES", "shape": [-1]},
        {"name": "note", "datatype": "FP64", "shape": [-1]},
    ]
    assert told["outputs"] == [{"name": "output-0", "datatype": "INT64", "shape": [-1, 3]}]
    config = model_metadata.config("digits", contract)
    assert config["input"][2] == {"name": "b", "data_type": "TYPE_STRING", "dims": [-1]}
    assert model_metadata.metadata("digits", "4", Contract())["inputs"] == []
