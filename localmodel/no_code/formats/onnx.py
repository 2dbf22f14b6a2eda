"""Reads the inputs and outputs of an ONNX graph without the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from localmodel.environments.formats.definition import DEFAULT_PYTHON
from localmodel.no_code import outputs
from localmodel.no_code.description import Description, Loading
from localmodel.no_code.formats.protobuf import Field, UnreadableProtobufError, fields, text
from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table
from localmodel.no_code.refusal import needs_script, unreadable
from localmodel.no_code.source import quoted

# The numbers of the fields in onnx.proto's messages that lead to a value's type.
_GRAPH, _INITIALIZER, _INPUT, _OUTPUT = 7, 5, 11, 12
_NAME, _TYPE, _TENSOR, _ELEMENT, _SHAPE, _DIMENSION, _SIZE = 1, 2, 1, 1, 2, 1, 1
_NAME_OF_INITIALIZER, _EXTERNAL_DATA, _KEY, _VALUE = 8, 13, 1, 2
_TYPES = {
    **{1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "str", 9: "bool"},
    **{10: "float16", 11: "float64", 12: "uint32", 13: "uint64"},
}
_LONGEST_NAME = 1000
_MOST_DIMENSIONS = 32

_FUNCTIONS = '''
def answer(results):
    """The only output, or all by name, as JSON has them."""
    plain = [result.tolist() if hasattr(result, "tolist") else result for result in results]
    return plain[0] if len(plain) == 1 else dict(zip([output.name for output in model.get_outputs()], plain))
'''


class _Value(NamedTuple):
    """An input or output of the graph. `dtype` is "" if it is not an array; variable sizes are -1."""

    name: str
    dtype: str
    shape: tuple[int, ...]


def describe(path: Path, file: str, packaged: bool = False) -> Description:
    """The model in an ONNX file. `packaged` says that it is registered together with the files beside it.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded.
    """
    try:
        with path.open("rb") as opened:
            inputs, results, files = _graph(opened, path.stat().st_size)
    except UnreadableProtobufError as error:
        raise unreadable(path, str(error)) from None
    if files:
        _check_files(path, sorted(files)[0], packaged)
    if not inputs or not results:
        raise unreadable(path, "it has no graph with inputs and outputs, as ONNX has")
    for value in inputs:
        if not value.dtype or not value.shape:
            raise needs_script(path, f"its input {value.name} is not an array with rows")
    taken, feeds = _taken(inputs)
    load = ('model = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])',)
    loading = Loading(("import onnxruntime",), load, f"answer(model.run(None, {feeds}))", _FUNCTIONS)
    return Description("onnx", file, loading, taken, ("onnxruntime",), DEFAULT_PYTHON, outputs=_answered(results))


def _taken(inputs: list[_Value]) -> tuple[Inputs, str]:
    """The inputs of run(), and the expression that makes the graph's feeds of `data`."""
    if len(inputs) == 1:
        return Arrays((Array((-1, *inputs[0].shape[1:]), inputs[0].dtype),)), f"{{{quoted(inputs[0].name)}: data}}"
    if all(value.shape[1:] == (1,) for value in inputs):
        columns = tuple(Column(value.name, "object" if value.dtype == "str" else value.dtype) for value in inputs)
        return Table(columns), "{name: data[[name]].to_numpy() for name in data.columns}"
    return Arrays(tuple(Array((-1, *value.shape[1:]), value.dtype, value.name) for value in inputs)), "data"


def _answered(results: list[_Value]) -> dict[str, Any]:
    """A sample of what the script answers; empty if an output is not an array."""
    if not all(value.dtype for value in results):
        return {}
    samples = {value.name: outputs.sample(Array(value.shape, value.dtype)) for value in results}
    return {"": samples if len(results) > 1 else samples[results[0].name]}


def _check_files(path: Path, name: str, packaged: bool) -> None:
    """Check that the file with the graph's weights comes with it.

    Raises:
        UserError: ModelUnreadable, ScriptNeeded.
    """
    if not packaged:
        raise needs_script(path, f"its weights lie in another file, {name!a}: onnx.save() writes them into one")
    if not (path.parent / name).is_file():
        raise unreadable(path, f"its weights lie in {name!a}, which is not beside it")


class _Graph(NamedTuple):
    """The inputs and outputs of a graph, and the files that hold weights."""

    inputs: list[_Value]
    outputs: list[_Value]
    files: set[str]


def _graph(file: IO[bytes], size: int) -> _Graph:
    made = _Graph([], [], set())
    constants: set[str] = set()
    for graph in _all(file, 0, size, _GRAPH):
        for field in fields(file, graph.start, graph.start + graph.length):
            if field.number in (_INPUT, _OUTPUT):
                (made.inputs if field.number == _INPUT else made.outputs).append(_value(file, field))
            elif field.number == _INITIALIZER:
                for part in fields(file, field.start, field.start + field.length):
                    if part.number == _NAME_OF_INITIALIZER:
                        constants.add(text(file, part, _LONGEST_NAME))
                    elif part.number == _EXTERNAL_DATA:
                        made.files.update(_location(file, part))
    return made._replace(inputs=[value for value in made.inputs if value.name not in constants])


def _location(file: IO[bytes], entry: Field) -> list[str]:
    """The file's name, if this entry of a key and a value has it."""
    key, value = (
        "".join(text(file, part, _LONGEST_NAME) for part in _inside(file, entry, number)) for number in (_KEY, _VALUE)
    )
    return [value] if key == "location" else []


def _value(file: IO[bytes], field: Field) -> _Value:
    name = next((text(file, part, _LONGEST_NAME) for part in _inside(file, field, _NAME)), "")
    for kind in _inside(file, field, _TYPE):
        for tensor in _inside(file, kind, _TENSOR):
            element = next((part.value for part in _inside(file, tensor, _ELEMENT)), 0)
            sizes = [
                next((part.value for part in _inside(file, dimension, _SIZE) if part.value < 1 << 31), 0) or -1
                for shape in _inside(file, tensor, _SHAPE)
                for dimension in _inside(file, shape, _DIMENSION)
            ]
            return _Value(name, _TYPES.get(element, ""), tuple(sizes[:_MOST_DIMENSIONS]))
    return _Value(name, "", ())


def _inside(file: IO[bytes], field: Field, number: int) -> Iterator[Field]:
    return _all(file, field.start, field.start + field.length, number)


def _all(file: IO[bytes], start: int, end: int, number: int) -> Iterator[Field]:
    return (field for field in fields(file, start, end) if field.number == number)
