"""The schema of run() for a model's inputs, in inference-schema's form."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import NamedTuple

from localmodel.no_code.inputs import Array, Arrays, Column, Inputs, Table, Texts, cell
from localmodel.no_code.source import NUMPY, PANDAS, RESPONSE, SCHEMA, STANDARD, quoted

_SCHEMA = SCHEMA.format("input_schema")
# Names that the script uses itself.
_TAKEN = {"model", "answer", "data", "folder", "np", "os", "params", "pd"}

_READ = '''
FORMS = ("data", "input_data", "dataframe_split", "dataframe_records", "instances", "inputs")


def read(body):
    """The body of a request: a table where it names columns, otherwise an array."""
    if isinstance(body, dict) and "columns" not in body:
        body = next((body[form] for form in FORMS if form in body), body)
    if isinstance(body, dict) and "columns" in body:
        return pd.DataFrame(body["data"], columns=body["columns"])
    if isinstance(body, dict) or (isinstance(body, list) and body and isinstance(body[0], dict)):
        return pd.DataFrame(body)
    return np.asarray(body)
'''

_IN_ORDER = '''
def in_order(data):
    """The table with the model's columns in their order; rows without names have that order."""
    if list(data.columns) == list(range(len(SAMPLE.columns))):
        data = data.set_axis(SAMPLE.columns, axis=1).astype(SAMPLE.dtypes)
    missing = [name for name in SAMPLE.columns if name not in data.columns]
    if missing:
        raise ValueError(f"the columns {', '.join(missing)} are missing")
    return data[list(SAMPLE.columns)]
'''
_IN_ORDER_WITHOUT_OPTIONAL = '''
def in_order(data):
    """The table with the columns that it has, in the model's order; rows without names have that order."""
    if list(data.columns) == list(range(len(SAMPLE.columns))):
        data = data.set_axis(SAMPLE.columns, axis=1).astype(SAMPLE.dtypes)
    missing = [name for name in SAMPLE.columns if name not in data.columns and name not in OPTIONAL]
    if missing:
        raise ValueError(f"the columns {', '.join(missing)} are missing")
    return data[[name for name in SAMPLE.columns if name in data.columns]]
'''
_IN_ORDER_OR_REFUSED = (
    "try:",
    "    data = in_order(data)",
    "except ValueError as error:",
    '    return AMLResponse({"message": f"data: {error}"}, 400, json_str=True)',
)
_TEXTS_OR_REFUSED = (
    "if not all(isinstance(text, str) for text in data):",
    '    return AMLResponse({"message": "data: a list of texts is expected"}, 400, json_str=True)',
)


class RunSchema(NamedTuple):
    """Lines of the script. `sample` and `functions` come before run(); `lines` begin it and define `data`."""

    imports: tuple[str, ...]
    parameters: tuple[str, ...]
    decorators: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    sample: str = ""
    functions: str = ""


def of_inputs(inputs: Inputs) -> RunSchema:
    """The schema, which is empty if the model does not describe its inputs."""
    match inputs:
        case Arrays((array,)):
            return RunSchema(_imports([array]), ("data",), (_declared("data", array),), tuple(_objects("data", array)))
        case Arrays(arrays):
            names = _parameters([array.name for array in arrays])
            pairs = list(zip(names, arrays, strict=True))
            feeds = ", ".join(f"{quoted(array.name)}: {name}" for name, array in pairs)
            lines = [line for name, array in pairs for line in _objects(name, array)]
            declared = tuple(_declared(name, array) for name, array in pairs)
            return RunSchema(_imports(arrays), tuple(names), declared, (*lines, f"data = {{{feeds}}}"))
        case Table(columns):
            return _of_table(columns)
        case Texts():
            declared = (_declared("data", Array((-1,), "str")),)
            return RunSchema((STANDARD, RESPONSE, _SCHEMA), ("data",), declared, _TEXTS_OR_REFUSED)
    imports = ("import json", "import numpy as np", "import pandas as pd")
    return RunSchema(imports, ("raw_data",), (), ("body = json.loads(raw_data)", "data = read(body)"), "", _READ)


def _of_table(columns: Iterable[Column]) -> RunSchema:
    columns = tuple(columns)
    sample = ["SAMPLE = pd.DataFrame(", "    {", *map(_series, columns), "    }", ")"]
    optional = [column.name for column in columns if column.optional]
    if optional:
        sample.append(f"OPTIONAL = [{', '.join(map(quoted, optional))}]")
    return RunSchema(
        ("import pandas as pd", PANDAS, RESPONSE, _SCHEMA),
        ("data",),
        (f'@input_schema("data", PandasParameterType(SAMPLE{", enforce_shape=False" if optional else ""}))',),
        _IN_ORDER_OR_REFUSED,
        "\n".join(sample),
        _IN_ORDER_WITHOUT_OPTIONAL if optional else _IN_ORDER,
    )


def parameter(name: str) -> str:
    """The model's name for an input as a parameter of run()."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    unusable = not plain.isidentifier() or keyword.iskeyword(plain) or plain in _TAKEN
    return f"input_{plain}" if unusable else plain


def _parameters(names: list[str]) -> list[str]:
    """The parameters for these names; a number tells those apart that would be one."""
    parameters: list[str] = []
    for name in map(parameter, names):
        parameters.append(name if name not in parameters else f"{name}_{len(parameters)}")
    return parameters


def _declared(name: str, array: Array) -> str:
    if array.dtype == "str":
        sample = '"text"'
        for _ in array.shape:
            sample = f"[{sample}]"
        return f'@input_schema("{name}", StandardPythonParameterType({sample}))'
    sizes = ", ".join(str(max(size, 1)) for size in array.shape)
    shape = f"({sizes},)" if len(array.shape) == 1 else f"({sizes})"
    free = ", enforce_shape=False" if -1 in array.shape[1:] else ""
    return f'@input_schema("{name}", NumpyParameterType(np.zeros({shape}, "{array.dtype}"){free}))'


def _objects(name: str, array: Array) -> list[str]:
    return [f"{name} = np.asarray({name}, dtype=object)"] if array.dtype == "str" else []


def _imports(arrays: Iterable[Array]) -> tuple[str, ...]:
    kinds = {STANDARD if array.dtype == "str" else NUMPY for array in arrays}
    return ("import numpy as np", *sorted(kinds), _SCHEMA)


def _series(column: Column) -> str:
    """The source of a column in the sample."""
    example = cell(column)
    if column.categories:
        categories = ", ".join(map(quoted, column.categories))
        return f"        {quoted(column.name)}: pd.Categorical([{quoted(example)}], categories=[{categories}]),"
    return f'        {quoted(column.name)}: pd.Series([{quoted(example)}], dtype="{column.dtype}"),'
