"""Readers of the formats that models have, on bytes made by hand."""

from __future__ import annotations

import io
import pickle
from typing import Any

import pytest

from localmodel.no_code import packages
from localmodel.no_code.formats import estimator, ubjson
from localmodel.no_code.formats.onnx import _graph
from localmodel.no_code.formats.protobuf import UnreadableProtobufError
from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table, Texts, Untyped, sample
from localmodel.no_code.mlflow import signature
from localmodel.no_code.params import Parameter
from localmodel.pickles.machine import Findings, follow
from localmodel.pickles.outline import class_of, state_of, texts_of
from localmodel.pickles.stream import Budget, Stream
from localmodel.pickles.values import Global, Made, Span, Value


def made(name: str, **attributes: Value) -> Made:
    value = Made(Global(*name.rsplit(".", 1)), ())
    value.state = attributes
    return value


SCALER = made("sklearn.preprocessing._data.StandardScaler", n_features_in_=3)
TEXT = made("sklearn.feature_extraction.text.TfidfVectorizer")
OWN = made("cleaning.Cleaner")
ENCODER = made("sklearn.preprocessing._encoders.OneHotEncoder", categories_=[["a", "b"], Span(1, 9)])
COLUMNS = made(
    "sklearn.compose.ColumnTransformer",
    feature_names_in_=["age", "city", "size", "note", "id"],
    transformers_=[
        ("encode", made("sklearn.pipeline.Pipeline", steps=[("fill", SCALER), ("encode", ENCODER)]), ["city", "size"]),
        ("text", TEXT, "note"),
        ("remainder", "drop", [4]),
    ],
)


@pytest.mark.parametrize(
    ("value", "inputs"),
    [
        (SCALER, Arrays((Array((-1, 3)),))),
        (TEXT, Texts()),
        (OWN, Untyped()),
        ("text", Untyped()),
        (made("x.Y", n_features_in_=0), Untyped()),
        (
            made("sklearn.pipeline.Pipeline", steps=[("no", "passthrough"), ("scale", SCALER)]),
            Arrays((Array((-1, 3)),)),
        ),
        (made("sklearn.pipeline.Pipeline", steps=[("text", TEXT), ("line", SCALER)]), Texts()),
        (made("sklearn.pipeline.Pipeline", steps=[("own", OWN), ("line", SCALER)]), Untyped()),
        (
            made("sklearn.model_selection.GridSearchCV", best_estimator_=SCALER, estimator=TEXT),
            Arrays((Array((-1, 3)),)),
        ),
        (made("sklearn.pipeline.FeatureUnion", transformer_list=[("one", TEXT)]), Texts()),
        (
            made("sklearn.pipeline.Pipeline", steps=[("columns", COLUMNS)]),
            Table(
                (
                    *(Column("age"), Column("city", "object"), Column("size")),
                    *(Column("note", "object"), Column("id", "object")),
                )
            ),
        ),
    ],
)
def test_what_an_estimator_takes(value: Value, inputs: Inputs) -> None:
    assert estimator.inputs_of(value) == inputs


class Kept:
    def __init__(self) -> None:
        self.names = ["a", "b"]
        self.other = ["c"]
        self.text = "x" * 5000


@pytest.mark.parametrize("protocol", range(6))
def test_an_outline_has_the_attributes_that_are_asked_for(protocol: int) -> None:
    content = pickle.dumps(Kept(), protocol)
    stream = Stream(io.BufferedReader(io.BytesIO(content)), len(content), Budget())  # type: ignore[arg-type]
    root = follow(stream, Findings(), attributes=frozenset({"names", "text"}))
    assert class_of(root) == Global(__name__, "Kept")
    state = state_of(root)
    assert texts_of(state.pop("names")) == ["a", "b"]
    text = state.pop("text")
    assert not state
    if protocol:
        assert isinstance(text, Span)
        assert content[text.start : text.start + text.length] == b"x" * 5000


def test_without_being_asked_for_nothing_is_kept() -> None:
    content = pickle.dumps(Kept())
    stream = Stream(io.BufferedReader(io.BytesIO(content)), len(content), Budget())  # type: ignore[arg-type]
    assert not state_of(follow(stream, Findings()))


NUMBERS = b"[$d#i\x02" + b"\0" * 8
TREES = b"{i\x05treesi\x07i\x05trees[i\x01i\x02]}"


def test_ubjson_without_what_is_not_asked_for() -> None:
    content = b"{i\x04name[#i\x02Si\x01aSi\x01bi\x07numbers" + NUMBERS + b"i\x05trees" + TREES + b"i\x03yesTi\x02noZ}"
    assert ubjson.read(io.BytesIO(content), frozenset({"trees"})) == {
        **{"name": ["a", "b"], "numbers": [0.0, 0.0], "trees": None, "yes": True, "no": None}
    }


def test_ubjsons_long_arrays_are_skipped() -> None:
    content = b"{i\x04long[$i#l" + (2_000_001).to_bytes(4, "big") + bytes(2_000_001) + b"i\x03endT}"
    assert ubjson.read(io.BytesIO(content), frozenset()) == {"long": None, "end": True}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"x", b"{i\x01a", b"{i\xff", b"[#d\0\0\0\0", b"[$S#i\x01", b"[" * 100, b"{i\x01aSL\x7f" + b"\xff" * 7],
)
def test_ubjson_of_strangers(content: bytes) -> None:
    with pytest.raises(ubjson.UnreadableUbjsonError):
        ubjson.read(io.BytesIO(content), frozenset())


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return bytes([number << 3, content])
    return bytes([number << 3 | 2, len(content)]) + content


def tensor(name: str, element: int, *sizes: int) -> bytes:
    shape = b"".join(field(1, field(1, size) if size else field(2, b"N")) for size in sizes)
    return field(1, name.encode()) + field(2, field(1, field(1, element) + field(2, shape)))


GRAPH = (
    field(11, tensor("x", 1, 0, 4))
    + field(11, tensor("weights", 1, 4))
    + field(11, tensor("words", 8, 0))
    + field(5, field(8, b"weights") + field(13, field(1, b"location") + field(2, b"weights.bin")))
    + field(12, tensor("y", 7, 0))
)
ONNX = field(1, 8) + field(7, GRAPH)


def test_an_onnx_graph() -> None:
    inputs, outputs, files = _graph(io.BytesIO(ONNX), len(ONNX))
    assert [tuple(each) for each in inputs] == [("x", "float32", (-1, 4)), ("words", "str", (-1,))]
    assert [each.name for each in outputs] == ["y"], "and what is a constant is not an input"
    assert files == {"weights.bin"}


@pytest.mark.parametrize("end", range(1, len(ONNX)))
def test_onnx_that_is_cut(end: int) -> None:
    if end != len(field(1, 8)):
        with pytest.raises(UnreadableProtobufError):
            _graph(io.BytesIO(ONNX[:end]), end)


@pytest.mark.parametrize(
    ("logged", "inputs"),
    [
        (
            '[{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]',
            Table((Column("a", "int64"), Column("b", "object"))),
        ),
        (
            '[{"name": "a", "type": "long", "required": true}, {"name": "b", "type": "string", "required": false}]',
            Table((Column("a", "int64"), Column("b", "object", optional=True))),
        ),
        (
            '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28, 28]}}]',
            Arrays((Array((-1, 28, 28), "float32"),)),
        ),
        (
            '[{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}},'
            ' {"name": "y", "type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1, 2]}}]',
            Arrays((Array((-1,), "int64", "x"), Array((-1, 2), "str", "y"))),
        ),
        ('[{"type": "string"}]', Texts()),
        ('[{"name": "a", "type": "array", "items": {"type": "long"}}]', Untyped()),
        ('[{"type": "long"}, {"type": "long"}]', Untyped()),
        ('[{"type": "tensor", "tensor-spec": {"dtype": "complex64", "shape": [-1]}}]', Untyped()),
        ('[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": "x"}}]', Untyped()),
        ("[]", Untyped()),
        ("{", Untyped()),
        ("[" * 100_000, Untyped()),
        (None, Untyped()),
        (3, Untyped()),
    ],
)
def test_mlflows_signatures(logged: Any, inputs: Inputs) -> None:
    assert signature.inputs_of({"inputs": logged}) == inputs


@pytest.mark.parametrize(
    ("inputs", "body"),
    [
        (Arrays((Array((-1, 2, 3), "int64"),)), {"data": [[[0] * 3] * 2]}),
        (Arrays((Array((-1,), "bool", "a"), Array((-1, -1), "str", "b"))), {"a": [False], "b": [["text"]]}),
        (Table((Column("a"), Column("b", "category", ("x", "y")))), {"data": [{"a": 0.0, "b": "x"}]}),
        (Texts(), {"data": ["text"]}),
        (Untyped(), None),
    ],
)
def test_a_sample_of_what_is_taken(inputs: Inputs, body: Any) -> None:
    assert sample(inputs) == body


@pytest.mark.parametrize(
    ("versions", "python"),
    [
        ({}, "3.11"),
        ({"scikit-learn": "1.9.1", "xgboost": "3.2.0"}, "3.11"),
        ({"scikit-learn": "1.1.2"}, "3.10"),
        ({"scikit-learn": "0.24.2"}, "3.9"),
        ({"scikit-learn": "0.23.2"}, None),
        ({"xgboost": "3.4.1"}, "3.12"),
    ],
)
def test_the_python_that_has_wheels_of_the_libraries(versions: dict[str, str], python: str | None) -> None:
    assert packages.python_for(versions) == python


@pytest.mark.parametrize(
    ("logged", "tables", "sample"),
    [
        ('[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]', False, [0]),
        ('[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 10]}}]', False, [[0.0]]),
        ('[{"type": "string", "required": true}]', True, ["text"]),
        ('[{"type": "long", "name": "a"}, {"type": "string", "name": "b"}]', True, [{"a": 0, "b": "text"}]),
        ('[{"type": "long", "name": "a"}, {"type": "string", "name": "b"}]', False, None),
        ('[{"type": "long", "name": "a"}]', True, None),
        ('[{"type": "array", "items": {"type": "long"}}]', True, None),
        ("{", True, None),
        ("[1]", True, None),
        (None, True, None),
    ],
)
def test_the_answers_in_mlflows_signatures(logged: Any, tables: bool, sample: Any) -> None:
    assert signature.outputs_of({"outputs": logged}, tables) == sample


def test_the_parameters_in_mlflows_signatures() -> None:
    logged = (
        '[{"name": "t", "default": 0.5, "shape": null, "type": "float"}, {"name": "n", "type": "long", "default": 1},'
        ' {"name": "w", "default": ["a"], "shape": [-1], "type": "string"}, {"name": "s", "default": null,'
        ' "type": "string"}, {"name": "o", "default": {}, "type": "object"}, {"type": "long"}]'
    )
    assert signature.parameters_of({"params": logged}) == (
        Parameter("t", 0.5, "number"),
        Parameter("n", 1, "integer"),
        Parameter("w", ["a"], "list of string"),
        Parameter("s", None),
        Parameter("o", {}),
    )
    assert signature.parameters_of({"params": "["}) == signature.parameters_of(None) == ()
