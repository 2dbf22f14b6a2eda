"""What inference-schema's decorators say of run(): read from the user's own copy of that package, if any."""

from __future__ import annotations

import sys
from typing import Any, Callable, NamedTuple, Optional

from localmodel_worker.client_errors import BadRequestError

_NUMBERS = "fiu"
_INTEGERS = "iu"
_DTYPES = {"integer": "int64", "number": "float64", "boolean": "bool", "string": "str"}


class Parameter(NamedTuple):
    """One decorated parameter; type is the inference-schema object, None for an undecorated one.

    required: run() has no default for it. optional: the decorator lets empty values through unconverted.
    """

    name: str
    required: bool
    type: Any
    optional: bool = False

    @property
    def kind(self) -> str:
        """`numpy`, `pandas`, `standard` or `other`."""
        return _kind(self.type)

    @property
    def is_matrix(self) -> bool:
        """Whether its rows can be cut and put together: numbers in columns, all checked against a sample."""
        sample: Any = getattr(self.type, "sample_input", None)
        return (
            self.kind == "numpy"
            and not self.optional
            and getattr(self.type, "enforce_column_type", False)
            and getattr(self.type, "enforce_shape", False)
            and getattr(sample, "ndim", 0) >= 2
            and sample.dtype.kind in _NUMBERS
        )

    def describe(self) -> dict[str, Any]:
        """What the server is told of it."""
        return {"name": self.name, "required": self.required, **_describe(self.type)}


def is_decorated(run: Callable[..., Any]) -> bool:
    """Whether inference-schema has decorated run()."""
    schema_util = sys.modules.get("inference_schema.schema_util")
    return schema_util is not None and bool(schema_util.is_schema_decorated(run))


def read_parameter_types(run: Callable[..., Any]) -> dict[str, tuple[Any, bool]]:
    """The inference-schema type of each parameter that is converted, and whether it is optional, by name."""
    types: dict[str, tuple[Any, bool]] = {}
    layer: Any = run
    while layer is not None:
        variables = _closure(getattr(layer, "_self_wrapper", None))
        if variables.get("convert_to_provided_type") and "param_name" in variables:
            types[variables["param_name"]] = variables.get("param_type"), bool(variables.get("optional"))
        layer = getattr(layer, "__wrapped__", None)
    return types


def swagger(run: Callable[..., Any]) -> dict[str, Any]:
    """The schemas of input and output, and the swagger versions that can express both."""
    from inference_schema import schema_util  # type: ignore[import-not-found, unused-ignore]

    output = schema_util.get_output_schema(run)
    return {
        "swagger": {"input": schema_util.get_input_schema(run), "output": output},
        "versions": list(schema_util.get_supported_versions(run)),
        "output": describe_output(output),
    }


def describe_output(schema: dict[str, Any]) -> Optional[dict[str, Any]]:
    """What the server is told of the result, from its swagger schema; None when that is not an array."""
    dimensions = 0
    while schema.get("type") == "array":
        schema = schema.get("items", {})
        dimensions += 1
    dtype = _DTYPES.get(schema.get("type", ""))
    if dimensions == 0 or dtype is None:
        return None
    return {"name": "output-0", "kind": "numpy", "dtype": dtype, "shape": [-1] * dimensions}


def to_parameter(parameter: Parameter, array: Any) -> Any:
    """An array as its parameter takes it: the sample's type and shape.

    Raises:
        BadRequestError
    """
    if parameter.optional:  # inference-schema asks whether it is empty, which an array does not say
        return array.tolist()
    sample = getattr(parameter.type, "sample_input", None)
    if parameter.kind != "numpy" or sample is None:
        return array.tolist() if parameter.kind == "standard" else array
    if getattr(parameter.type, "enforce_shape", True):
        _check_shape(parameter.name, array.shape, sample.shape)
    if getattr(parameter.type, "enforce_column_type", True) and array.dtype != sample.dtype:
        try:
            converted = array.astype(sample.dtype)
        except (TypeError, ValueError) as error:
            raise BadRequestError(f"{parameter.name}: {error}") from error
        if _is_wrapped(array, converted):
            raise BadRequestError(f"{parameter.name}: not all values fit into {sample.dtype}")
        return converted
    return array


def _is_wrapped(array: Any, converted: Any) -> bool:
    """Whether a whole number has become another one."""
    if array.dtype.kind not in _INTEGERS or converted.dtype.kind not in _INTEGERS:
        return False
    return bool((array != converted).any() or ((array < 0) != (converted < 0)).any())


def _check_shape(name: str, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if len(shape) != len(wanted):
        raise BadRequestError(f"{name}: expected {len(wanted)} dimensions, got {len(shape)} (shape {list(shape)})")
    for dimension in range(1, len(wanted)):
        if shape[dimension] != wanted[dimension]:
            expected, got = wanted[dimension], shape[dimension]
            what = "columns" if len(wanted) == 2 else f"values in dimension {dimension}"
            raise BadRequestError(f"{name}: expected {expected} {what}, got {got}")


def _kind(parameter_type: Any) -> str:
    names = {base.__name__ for base in type(parameter_type).__mro__}
    if "NumpyParameterType" in names:
        return "numpy"
    if "PandasParameterType" in names:
        return "pandas"
    return "standard" if "StandardPythonParameterType" in names else "other"


def _describe(parameter_type: Any) -> dict[str, Any]:
    kind = _kind(parameter_type)
    sample: Any = getattr(parameter_type, "sample_input", None)
    description: dict[str, Any] = {"kind": kind}
    if kind == "numpy":
        description["dtype"] = sample.dtype.name
        description["shape"] = [-1, *sample.shape[1:]] if sample.ndim else []
    elif kind == "pandas":
        description["columns"] = [[str(name), str(dtype)] for name, dtype in sample.dtypes.items()]
        description["orient"] = parameter_type.orient
        if not getattr(parameter_type, "enforce_shape", True):
            description["enforces_shape"] = False
    return description


def _closure(function: Any) -> dict[str, Any]:
    code = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None)
    if code is None or not cells:
        return {}
    return {name: cell.cell_contents for name, cell in zip(code.co_freevars, cells)}
