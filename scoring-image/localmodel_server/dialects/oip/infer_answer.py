"""What run() returned, as an infer answer of the Open Inference Protocol."""

from __future__ import annotations

from typing import Any

import orjson

from localmodel_server.dialects.oip.infer_request import HEADER_LENGTH, WantedOutputs
from localmodel_server.dialects.oip.result_tensors import tensors_of
from localmodel_server.dialects.oip.tensors import Tensor, binary, flat
from localmodel_server.errors import BadRequestError
from localmodel_server.messages.call import Headers
from localmodel_server.messages.contract import Value
from localmodel_server.payloads.json_text import load

OUTPUT_NAME = "output-0"


def encode(
    body: bytes, declared: Value | None, wanted: WantedOutputs, model: str, version: str
) -> tuple[bytes, Headers]:
    """Write the answer and its headers; body is the result in JSON.

    Raises:
        BadRequestError: the client wants an output that is not there, or the result is neither JSON nor text.
    """
    name = next(iter(wanted.outputs)) if len(wanted.outputs) == 1 else OUTPUT_NAME
    tensors = tensors_of(_load_result(body), declared, name)
    if wanted.outputs:
        tensors = _pick(tensors, wanted.outputs)
    pieces: list[bytes | memoryview] = []
    outputs = [_write(tensor, wanted.outputs.get(tensor.name, wanted.binary), pieces) for tensor in tensors]
    answer = {"model_name": model, "model_version": version, "outputs": outputs}
    if wanted.id is not None:
        answer["id"] = wanted.id
    head = orjson.dumps(answer)
    if not pieces:
        return head, [(b"content-type", b"application/json")]
    length = str(len(head)).encode()
    return b"".join([head, *pieces]), [(b"content-type", b"application/octet-stream"), (HEADER_LENGTH, length)]


def _load_result(body: bytes) -> Any:
    try:
        return load(body)
    except ValueError:
        pass
    try:
        return body.decode()  # a script that makes its own response may answer with any text
    except UnicodeDecodeError:
        raise BadRequestError(500, "the script answered with bytes that are neither JSON nor text") from None


def _pick(tensors: list[Tensor], names: dict[str, bool]) -> list[Tensor]:
    by_name = {tensor.name: tensor for tensor in tensors}
    for name in names:
        if name not in by_name:
            raise BadRequestError(400, f"unknown output {name}; the outputs are {', '.join(by_name) or 'none'}")
    return [by_name[name] for name in names]


def _write(tensor: Tensor, in_binary: bool, pieces: list[bytes | memoryview]) -> dict[str, Any]:
    """The tensor as JSON; if binary data is wanted, it is appended to `pieces`."""
    written = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
    if not in_binary:
        return {**written, "data": flat(tensor)}
    data = binary(tensor)
    pieces.append(data)
    return {**written, "parameters": {"binary_data_size": len(data)}}
