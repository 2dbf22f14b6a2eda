"""Made-up values for a model: zeros and empty texts of the types and shapes that it describes."""

import math
import struct
from contextlib import suppress
from typing import Any, NamedTuple

from localmodel.conformance.server import Server, WrongAnswerError

_SIZES = {"BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "FP16": 2, "BF16": 2}
_SIZES |= {"UINT32": 4, "INT32": 4, "FP32": 4, "UINT64": 8, "INT64": 8, "FP64": 8}


class Tensor(NamedTuple):
    """A tensor of zeros, or of texts `0` for the type BYTES."""

    name: str
    datatype: str
    shape: list[int]

    @property
    def value(self) -> Any:
        """One of its values."""
        if self.datatype == "BYTES":
            return "0"
        return False if self.datatype == "BOOL" else 0

    def in_json(self, nested: bool = False) -> dict[str, Any]:
        """The tensor as an input of an infer request."""
        data = self.nested() if nested else [self.value] * math.prod(self.shape)
        return {**self._asdict(), "data": data}

    def in_binary(self) -> tuple[dict[str, Any], bytes]:
        """The tensor as an input of an infer request, and its binary data."""
        value = struct.pack("<I", 1) + b"0" if self.datatype == "BYTES" else bytes(_SIZES.get(self.datatype, 1))
        data = value * math.prod(self.shape)
        return {**self._asdict(), "parameters": {"binary_data_size": len(data)}}, data

    def nested(self) -> Any:
        """The values as nested lists."""
        values: Any = self.value
        for size in reversed(self.shape):
            values = [values] * size
        return values


class Sample(NamedTuple):
    """One row of made-up values, as tensors and as the body of a request to /score."""

    tensors: list[Tensor]
    body: Any

    @property
    def instances(self) -> list[Any]:
        """The values as rows for KServe's first protocol."""
        if len(self.tensors) == 1:
            return [self.tensors[0].nested()[0]]
        return [{tensor.name: tensor.value for tensor in self.tensors}]

    @property
    def table(self) -> dict[str, list[Any]]:
        """The values as columns with one row."""
        return {tensor.name: [tensor.value] for tensor in self.tensors}


def find_model(server: Server) -> str:
    """The name of the first model that the server lists.

    Raises:
        WrongAnswerError: it lists none.
    """
    models = server.get("/v2/models").expect(200).object().get("models")
    if not isinstance(models, list) or not models or not isinstance(models[0], str):
        raise WrongAnswerError("GET /v2/models: expected the names of models")
    return models[0]


def make_sample(server: Server, model: str) -> Sample:
    """Made-up values for a model, from the server's description of it, if there is one."""
    inputs: Any = {}
    try:
        inputs = server.get(f"/v2/models/{model}").expect(200).object().get("inputs")
        tensors = [_tensor(description) for description in inputs]
    except (WrongAnswerError, KeyError, TypeError, ValueError):
        tensors = []
    return Sample(tensors or [Tensor("input-0", "FP64", [1, 4])], _score_body(server))


def _tensor(description: Any) -> Tensor:
    shape = [1 if int(size) < 0 else int(size) for size in description["shape"]] or [1]
    return Tensor(str(description["name"]), str(description["datatype"]), shape)


def _score_body(server: Server) -> Any:
    """The example in the server's description of /score."""
    example = None
    with suppress(WrongAnswerError, KeyError, TypeError):
        example = server.get("/swagger.json").expect(200).object()["definitions"]["ServiceInput"]["example"]
    return example or {"data": [[0, 0, 0, 0]]}
