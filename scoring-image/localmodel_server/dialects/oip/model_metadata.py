"""The metadata of a model in the Open Inference Protocol, from its script's contract.

A script without a schema takes and returns anything, so that its tensors are not described.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localmodel_server.dialects.oip.infer_answer import OUTPUT_NAME
from localmodel_server.dialects.oip.tensors import datatype_of
from localmodel_server.messages.contract import Contract, Value

PLATFORM = "localmodel"
_OF_SWAGGER = {"integer": "INT64", "number": "FP64", "boolean": "BOOL"}
_CONFIG_TYPES = {"BYTES": "TYPE_STRING"}


def metadata(model: str, version: str, contract: Contract | None) -> dict[str, Any]:
    """The body of the model's metadata."""
    return {
        "name": model,
        "versions": [version] if version else [],
        "platform": PLATFORM,
        "inputs": _inputs(contract),
        "outputs": _outputs(contract),
    }


def config(model: str, contract: Contract | None) -> dict[str, Any]:
    """The body of the model's configuration, as Triton has it."""
    return {
        "name": model,
        "platform": PLATFORM,
        "backend": PLATFORM,
        "max_batch_size": 0,
        "input": [_in_config(tensor) for tensor in _inputs(contract)],
        "output": [_in_config(tensor) for tensor in _outputs(contract)],
    }


def _inputs(contract: Contract | None) -> list[dict[str, Any]]:
    if contract is None or contract.mode != "schema":
        return []
    properties = contract.swagger.get("input", {}).get("properties", {})
    return [
        tensor
        for parameter in contract.parameters
        for tensor in _of_parameter(parameter, properties.get(parameter.name, {}))
    ]


def _of_parameter(parameter: Value, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    if parameter.kind == "pandas":
        return [_tensor(name, datatype_of(dtype), [-1]) for name, dtype in parameter.columns]
    if parameter.kind == "numpy":
        return [_tensor(parameter.name, datatype_of(parameter.dtype), list(parameter.shape))]
    shape = [1]
    if schema.get("type") == "array":
        shape = []
        while schema.get("type") == "array":
            shape.append(-1)
            schema = schema.get("items", {})
    return [_tensor(parameter.name, _OF_SWAGGER.get(schema.get("type", ""), "BYTES"), shape)]


def _outputs(contract: Contract | None) -> list[dict[str, Any]]:
    output = None if contract is None else contract.output
    if output is None:
        return []
    if output.kind == "pandas":
        return [_tensor(name, datatype_of(dtype), [-1]) for name, dtype in output.columns]
    return [_tensor(OUTPUT_NAME, datatype_of(output.dtype), list(output.shape) or [-1])]


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}


def _in_config(tensor: dict[str, Any]) -> dict[str, Any]:
    datatype = _CONFIG_TYPES.get(tensor["datatype"], f"TYPE_{tensor['datatype']}")
    return {"name": tensor["name"], "data_type": datatype, "dims": tensor["shape"]}
