"""What is read from inference-schema's decorators: here of stand-ins with the attributes that matter."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from localmodel_worker.client_errors import BadRequestError
from localmodel_worker.script import schema
from localmodel_worker.script.schema import Parameter


class NumpyParameterType:
    def __init__(self, sample: Any, column_type: bool = True, shape: bool = True) -> None:
        self.sample_input = sample
        self.enforce_column_type = column_type
        self.enforce_shape = shape


class OwnNumpyType(NumpyParameterType):
    pass


class PandasParameterType:
    orient = "split"
    sample_input = SimpleNamespace(dtypes={"age": "int64", 7: "object"})


class StandardPythonParameterType:
    pass


FLOATS = numpy.array([[1.0, 2.0]])


def numpy_parameter(sample: Any = FLOATS, optional: bool = False, **enforce: bool) -> Parameter:
    return Parameter("x", True, NumpyParameterType(sample, **enforce), optional)


def decorated(name: str, kind: Any, function: Callable[..., Any], optional: bool = False, convert: bool = True) -> Any:
    param_name, param_type, convert_to_provided_type = name, kind, convert

    def wrapper(*arguments: Any) -> Any:
        return param_name, param_type, convert_to_provided_type, optional

    return SimpleNamespace(_self_wrapper=wrapper, __wrapped__=function)


def test_every_decorated_parameter_is_found() -> None:
    kind, other = NumpyParameterType(FLOATS), StandardPythonParameterType()
    run = decorated("a", kind, decorated("b", other, decorated("c", kind, print, convert=False), optional=True))
    assert schema.read_parameter_types(run) == {"a": (kind, False), "b": (other, True)}
    assert schema.read_parameter_types(print) == {}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (NumpyParameterType(FLOATS), "numpy"),
        (OwnNumpyType(FLOATS), "numpy"),
        (PandasParameterType(), "pandas"),
        (StandardPythonParameterType(), "standard"),
        (object(), "other"),
        (None, "other"),
    ],
)
def test_kinds(kind: Any, name: str) -> None:
    assert Parameter("x", True, kind).kind == name


def test_what_the_server_is_told() -> None:
    assert numpy_parameter(numpy.zeros((5, 2, 3), "float32")).describe() == {
        "name": "x",
        "required": True,
        "kind": "numpy",
        "dtype": "float32",
        "shape": [-1, 2, 3],
    }
    assert numpy_parameter(numpy.array(1)).describe()["shape"] == []
    assert Parameter("t", False, PandasParameterType()).describe() == {
        "name": "t",
        "required": False,
        "kind": "pandas",
        "columns": [["age", "int64"], ["7", "object"]],
        "orient": "split",
    }
    some_columns: Any = PandasParameterType()
    some_columns.enforce_shape = False
    assert Parameter("t", False, some_columns).describe()["enforces_shape"] is False


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (numpy_parameter(), True),
        (numpy_parameter(numpy.zeros((1, 4, 4), "uint8")), True),
        (numpy_parameter(numpy.array([1.0])), False),
        (numpy_parameter(numpy.array([["a"]])), False),
        (numpy_parameter(numpy.array([[True]])), False),
        (numpy_parameter(column_type=False), False),
        (numpy_parameter(shape=False), False),
        (numpy_parameter(optional=True), False),
        (Parameter("x", True, PandasParameterType()), False),
    ],
)
def test_rows_are_shared_only_of_numbers_checked_against_a_sample(parameter: Parameter, expected: bool) -> None:
    assert parameter.is_matrix is expected


def test_an_array_becomes_what_the_sample_is() -> None:
    array = schema.to_parameter(numpy_parameter(numpy.zeros((1, 2), "int32")), numpy.array([[1.9, -1.9]]))
    assert (array.dtype.name, array.tolist()) == ("int32", [[1, -1]])
    same = numpy.array([[1.0, 2.0]])
    assert schema.to_parameter(numpy_parameter(), same) is same
    assert schema.to_parameter(numpy_parameter(column_type=False), numpy.array([[1, 2]])).dtype.name == "int64"
    assert schema.to_parameter(Parameter("x", True, StandardPythonParameterType()), same) == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("dtype", "given"),
    [
        ("int8", numpy.array([[300, 1]])),
        ("int64", numpy.array([[2**63, 1]], "uint64")),
        ("uint64", numpy.array([[-1, 1]])),
        ("uint8", numpy.array([[-1, 1]], "int8")),
    ],
)
def test_a_whole_number_that_does_not_fit_is_refused(dtype: str, given: Any) -> None:
    parameter = numpy_parameter(numpy.zeros((1, 2), dtype))
    with pytest.raises(BadRequestError, match=f"x: not all values fit into {dtype}"):
        schema.to_parameter(parameter, given)
    assert schema.to_parameter(parameter, numpy.array([[7, 1]])).tolist() == [[7, 1]]


def test_inference_schema_itself_converts_what_is_optional() -> None:
    assert schema.to_parameter(numpy_parameter(optional=True), numpy.array([[1.0, 2.0]])) == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (numpy.zeros((1, 3)), "x: expected 2 columns, got 3"),
        (numpy.zeros(2), r"x: expected 2 dimensions, got 1 \(shape \[2\]\)"),
        (numpy.array([["a", "b"]]), "x: could not convert string to float"),
    ],
)
def test_an_array_that_does_not_fit(array: Any, words: str) -> None:
    with pytest.raises(BadRequestError, match=words):
        schema.to_parameter(numpy_parameter(), array)


def test_the_shape_is_free_when_it_is_not_enforced() -> None:
    assert schema.to_parameter(numpy_parameter(shape=False), numpy.zeros(7)).shape == (7,)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"type": "array", "items": {"type": "number"}}, ("float64", [-1])),
        ({"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}, ("int64", [-1, -1])),
        ({"type": "object"}, None),
        ({"type": "number"}, None),
        ({"type": "array", "items": {"type": "object"}}, None),
        ({}, None),
    ],
)
def test_a_result_that_is_an_array(document: dict[str, Any], expected: Any) -> None:
    told = schema.describe_output(document)
    assert (told and (told["dtype"], told["shape"])) == expected
