"""The forms of requests and answers: how rows are written, and where the labels are."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.cases import FEATURES, Rows

_JSON = {"Content-Type": "application/json"}
_HEAD_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Message:
    """Headers and body, of a request or of an answer (names in lower case)."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Form:
    """A path, how rows are written, and how labels are read."""

    path: str
    write: Callable[[Rows], Message]
    read: Callable[[Message], list[int]]


def _json(path: str, wrap: Callable[[Rows], Any], unwrap: Callable[[Any], Any]) -> Form:
    def write(rows: Rows) -> Message:
        return Message(_JSON, json.dumps(wrap(rows)).encode())

    def read(answer: Message) -> list[int]:
        return [int(label) for label in unwrap(json.loads(answer.body))]

    return Form(path, write, read)


def _same(answer: Any) -> Any:
    return answer


def _data(rows: Rows) -> Any:
    return {"data": rows}


def _open_inference(rows: Rows) -> Any:
    values = [value for row in rows for value in row]
    return {"inputs": [{"name": "data", "shape": [len(rows), FEATURES], "datatype": "FP64", "data": values}]}


def _write_binary(rows: Rows) -> Message:
    """A request as tritonclient sends float32 by default, with binary outputs."""
    values = [value for row in rows for value in row]
    tensor = struct.pack(f"<{len(values)}f", *values)
    head = {
        "inputs": [
            {
                "name": "data",
                "shape": [len(rows), FEATURES],
                "datatype": "FP32",
                "parameters": {"binary_data_size": len(tensor)},
            }
        ],
        "parameters": {"binary_data_output": True},
    }
    text = json.dumps(head).encode()
    headers = {"Content-Type": "application/octet-stream", _HEAD_LENGTH: str(len(text))}
    return Message(headers, text + tensor)


def _read_binary(answer: Message) -> list[int]:
    length = int(answer.headers.get(_HEAD_LENGTH.lower(), len(answer.body)))
    output = json.loads(answer.body[:length])["outputs"][0]
    if "data" in output:
        return [int(label) for label in output["data"]]
    kind = {"INT64": "q", "INT32": "i", "FP64": "d", "FP32": "f"}[output["datatype"]]
    tensor = answer.body[length:]
    labels = struct.unpack(f"<{len(tensor) // struct.calcsize('<' + kind)}{kind}", tensor)
    return [int(label) for label in labels]


SCORE = _json("/score", _data, _same)
PREDICT = _json("/predict", _data, _same)
KSERVE = _json("/v1/models/digits:predict", lambda rows: {"instances": rows}, lambda answer: answer["predictions"])
OPEN_INFERENCE = _json("/v2/models/digits/infer", _open_inference, lambda answer: answer["outputs"][0]["data"])
OPEN_INFERENCE_BINARY = Form("/v2/models/digits/infer", _write_binary, _read_binary)
