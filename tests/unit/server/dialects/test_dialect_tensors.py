"""Tensors of the Open Inference Protocol keep their values on every way, and garbage is always refused as such."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.examples import examples

from localmodel_server.dialects.oip import infer_answer, infer_request, tensors
from localmodel_server.dialects.oip.infer_request import HEADER_LENGTH
from localmodel_server.dialects.oip.result_tensors import tensors_of
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Call
from localmodel_server.messages.contract import Contract, Value
from localmodel_server.payloads.script_call import Target

TEXT = Target(Contract())
ARRAY = Target(Contract(mode="schema", parameters=(Value("x", "numpy", dtype="float64", shape=(-1,)),)))
MANY = Target(
    Contract(
        mode="schema",
        parameters=(
            Value("x", "numpy", dtype="float64", shape=(-1,)),
            Value("frame", "pandas", columns=(("a", "int64"), ("b", "object")), orient="split"),
            Value("note", "standard", required=False),
        ),
    )
)
_INTS = {name: tensors.NUMERIC[name].size * 8 for name in tensors.NUMERIC if "INT" in name}


def _values(datatype: str) -> st.SearchStrategy[Any]:
    if datatype == "BOOL":
        return st.booleans()
    if datatype == "BYTES":
        return st.text(max_size=5)
    if datatype.startswith("FP"):
        return st.floats(width=int(datatype[2:]), allow_nan=False, allow_infinity=False)
    bits = _INTS[datatype]
    if datatype.startswith("U"):
        return st.integers(0, 2**bits - 1)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def _tensors(draw: st.DrawFn) -> tuple[str, list[int], list[Any]]:
    datatype = draw(st.sampled_from([*tensors.NUMERIC, "BYTES"]))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    count = math.prod(shape)
    return datatype, shape, draw(st.lists(_values(datatype), min_size=count, max_size=count))


def _nest(values: list[Any], shape: list[int]) -> Any:
    if not shape:
        return values[0]
    size = math.prod(shape[1:])
    return [_nest(values[row * size : (row + 1) * size], shape[1:]) for row in range(shape[0])]


def _infer(inputs: Any, rest: bytes = b"", target: Target = TEXT, **others: Any) -> Call:
    head = orjson.dumps({"inputs": inputs, **others})
    headers = [(HEADER_LENGTH, str(len(head)).encode())] if rest else []
    return infer_request.decode(head + rest, headers, target)[0]


@given(_tensors())
@settings(deadline=None)
def test_flat_nested_and_binary_data_are_the_same_values(given: tuple[str, list[int], list[Any]]) -> None:
    datatype, shape, values = given
    from_flat = tensors.from_json("x", datatype, tuple(shape), values)
    assert tensors.flat(from_flat) == values
    assert tensors.nested(from_flat) == _nest(values, shape)
    if shape:
        from_nested = tensors.from_json("x", datatype, tuple(shape), _nest(values, shape))
        assert tensors.flat(from_nested) == values
    data = bytes(tensors.binary(from_flat))
    from_data = tensors.from_binary("x", datatype, tuple(shape), data)
    assert tensors.flat(from_data) == values and tensors.binary(from_data) == data


@given(_tensors())
@settings(deadline=None)
def test_numbers_reach_a_numpy_parameter_as_the_bytes_of_its_array(given: tuple[str, list[int], list[Any]]) -> None:
    datatype, shape, values = given
    if datatype == "BYTES" or not shape:
        return
    tensor = {"name": "any", "datatype": datatype, "shape": shape}
    call = _infer([{**tensor, "data": values}], target=ARRAY)
    ((name, dtype, told),) = call.arrays
    assert (call.kind, name, list(told)) == ("arrays", "x", shape)
    array = numpy.frombuffer(call.body, dtype).reshape(told)
    assert array.tolist() == _nest(values, shape)
    if call.body:
        binary = {**tensor, "parameters": {"binary_data_size": len(call.body)}}
        assert _infer([binary], call.body, ARRAY) == call._replace(headers=_infer([binary], call.body, ARRAY).headers)


def test_half_precision_is_exact_and_bfloat_becomes_single_precision() -> None:
    halves = numpy.array([1.5, -2.0, 65504.0], "<f2")
    tensor = tensors.from_binary("x", "FP16", (3,), halves.tobytes())
    assert tensors.flat(tensor) == [1.5, -2.0, 65504.0]
    bfloats = b"".join(struct.pack("<f", value)[2:] for value in (1.5, -2.0))
    wide = tensors.from_binary("x", "BF16", (2,), bfloats)
    assert (wide.datatype, tensors.flat(wide)) == ("FP32", [1.5, -2.0])


def test_null_in_floats_is_nan() -> None:
    tensor = tensors.from_json("x", "FP32", (2,), [1.0, None])
    first, second = numpy.frombuffer(tensors.binary(tensor), "<f4")
    assert first == 1.0 and math.isnan(second)


@pytest.mark.parametrize(
    ("tensor", "wrong"),
    [
        ({"datatype": "FP32", "shape": [3], "data": [1, 2]}, "tensor x: the shape needs 3 values, got 2"),
        ({"datatype": "FP32", "shape": [2, 2], "data": [[1, 2], [3]]}, "not nested as its shape says"),
        ({"datatype": "FP32", "shape": [1, 2], "data": [[1, 2], [3, 4]]}, "needs 1 rows, got 2"),
        ({"datatype": "INT8", "shape": [1], "data": [200]}, "tensor x: the data is not INT8"),
        ({"datatype": "INT64", "shape": [1], "data": [1.5]}, "tensor x: the data is not INT64"),
        ({"datatype": "UINT8", "shape": [1], "data": [-1]}, "tensor x: the data is not UINT8"),
        ({"datatype": "FP16", "shape": [1], "data": [1e9]}, "tensor x: the data is not FP16"),
        ({"datatype": "BOOL", "shape": [1], "data": ["yes"]}, "expected true and false"),
        ({"datatype": "BYTES", "shape": [1], "data": [1]}, "the data of BYTES must be strings"),
        ({"datatype": "COMPLEX", "shape": [1], "data": [1]}, "unknown datatype 'COMPLEX'"),
        ({"datatype": "FP32", "shape": [1]}, "data must be a list"),
        ({"datatype": "FP32", "shape": [-1], "data": []}, "shape must be a list of whole numbers"),
        ({"datatype": "FP32", "shape": [True], "data": [1]}, "shape must be a list of whole numbers"),
        ({"datatype": "FP32", "shape": [10**18], "data": [1]}, "got 1"),
        ({"datatype": "FP32", "shape": [10**18, 0], "data": []}, "too large for a tensor without values"),
        ({"datatype": "FP32", "shape": [1] * 40, "data": [1]}, "40 dimensions are more than 32"),
        ({"datatype": 1, "shape": [1], "data": [1]}, "datatype must be a string"),
        ({"shape": [1], "data": [1]}, "datatype must be a string"),
        ({"datatype": "FP32", "shape": [1], "parameters": [], "data": [1]}, None),
        ({"datatype": "FP32", "shape": [1], "parameters": [1], "data": [1]}, "parameters must be an object"),
    ],
    ids=str,
)
def test_a_tensor_that_is_wrong_is_named_with_what_is_wrong(tensor: dict[str, Any], wrong: str | None) -> None:
    if wrong is None:
        assert _infer([{"name": "x", **tensor}]).body == b'{"data":[1]}'
        return
    with pytest.raises(BadRequestError, match=wrong.replace("[", r"\[")) as caught:
        _infer([{"name": "x", **tensor}])
    assert caught.value.status == 400


@pytest.mark.parametrize("inputs", [None, {}, [], [1], [{}], [{"name": 1}], [{"name": "x"}, {"name": "x"}]], ids=str)
def test_inputs_must_be_named_objects(inputs: Any) -> None:
    with pytest.raises(BadRequestError):
        _infer(inputs)


def test_nesting_beyond_the_stack_of_python_is_refused() -> None:
    for depth in (990, 1010, 100_000):
        text = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":%s}]}' % (b"[" * depth + b"]" * depth)
        with pytest.raises(BadRequestError):
            infer_request.decode(text, [], TEXT)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_ALMOST_TENSORS = st.fixed_dictionaries(
    {"name": st.sampled_from(["x", "frame", "note", "a", "b"]) | _JSON},
    optional={
        "datatype": st.sampled_from([*tensors.NUMERIC, "BYTES", "BF16"]) | _JSON,
        "shape": st.lists(st.integers(-1, 10) | st.integers(), max_size=4) | _JSON,
        "data": _JSON,
        "parameters": st.fixed_dictionaries({"binary_data_size": st.integers(-1, 40) | _JSON}) | _JSON,
    },
)
_TARGETS = st.sampled_from([TEXT, ARRAY, MANY])


@given(
    st.fixed_dictionaries(
        {"inputs": st.lists(_ALMOST_TENSORS, max_size=3) | _JSON},
        optional={"id": _JSON, "outputs": st.lists(_ALMOST_TENSORS, max_size=2) | _JSON, "parameters": _JSON},
    ),
    st.binary(max_size=64),
    _TARGETS,
)
@settings(deadline=None, max_examples=examples(400))
def test_a_garbled_request_is_a_call_or_refused(content: Any, rest: bytes, target: Target) -> None:
    try:
        head = orjson.dumps(content)
    except TypeError:
        return
    _call_or_refusal(head + rest, [(HEADER_LENGTH, str(len(head)).encode())], target)


@given(st.binary(max_size=200), st.binary(max_size=4) | st.integers(0, 300).map(lambda n: str(n).encode()), _TARGETS)
@settings(deadline=None)
def test_garbage_is_a_call_or_refused(body: bytes, length: bytes, target: Target) -> None:
    _call_or_refusal(body, [(HEADER_LENGTH, length)], target)
    _call_or_refusal(body, [], target)


def _call_or_refusal(body: bytes, headers: list[tuple[bytes, bytes]], target: Target) -> None:
    try:
        call, _ = infer_request.decode(body, headers, target)
    except BadRequestError as error:
        assert 400 <= error.status < 500 and str(error)
    else:
        assert call.kind in ("text", "json", "arrays")


@given(st.sampled_from([*tensors.NUMERIC, "BYTES", "BF16"]), st.lists(st.integers(0, 2**70), max_size=4), st.binary())
@settings(deadline=None)
def test_garbage_in_binary_data_is_refused(datatype: str, shape: list[int], raw: bytes) -> None:
    try:
        tensor = tensors.from_binary("x", datatype, tensors.read_shape("x", shape), raw)
    except BadRequestError:
        return
    assert len(tensors.flat(tensor)) == math.prod(shape)


@given(_JSON)
@settings(deadline=None)
def test_every_result_is_tensors_that_hold_together(result: Any) -> None:
    try:
        body = orjson.dumps(result)
    except TypeError:
        return
    for binary in (False, True):
        wanted = infer_request.WantedOutputs("7", {}, binary)
        answer, headers = infer_answer.encode(body, None, wanted, "model", "3")
        length = int(dict(headers).get(HEADER_LENGTH, b"%d" % len(answer)))
        head = orjson.loads(answer[:length])
        assert (head["model_name"], head["model_version"], head["id"]) == ("model", "3", "7")
        position = length
        for output in head["outputs"]:
            if binary:
                size = output["parameters"]["binary_data_size"]
                data = answer[position : position + size]
                tensors.from_binary(output["name"], output["datatype"], tuple(output["shape"]), data)
                position += size
            else:
                tensors.from_json(output["name"], output["datatype"], tuple(output["shape"]), output["data"])
        assert position == len(answer)


@given(_tensors())
@settings(deadline=None)
def test_an_even_result_keeps_its_shape_and_values(given: tuple[str, list[int], list[Any]]) -> None:
    datatype, shape, values = given
    if not values or not shape or datatype in ("FP16", "FP32"):
        return
    (tensor,) = tensors_of(_nest(values, shape), None, "out")
    assert (tensor.name, list(tensor.shape), tensors.flat(tensor)) == ("out", shape, values)
