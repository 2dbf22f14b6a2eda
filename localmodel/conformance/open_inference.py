"""Checks of the Open Inference Protocol, version 2."""

import json
import math
import struct
from typing import Any

from localmodel.conformance.check import Check, Subject
from localmodel.conformance.sample import Tensor
from localmodel.conformance.server import Reply, WrongAnswerError

_LENGTH = "inference-header-content-length"


def _live(subject: Subject) -> str:
    reply = subject.server.get("/v2/health/live").expect(200)
    reply.expect_key("live", True)
    return ""


def _ready(subject: Subject) -> str:
    reply = subject.server.get("/v2/health/ready").expect(200)
    reply.expect_key("ready", True)
    return ""


def _server(subject: Subject) -> str:
    description = subject.server.get("/v2").expect(200).object()
    _expect_keys("GET /v2", description, name=str, version=str, extensions=list)
    return ""


def _metadata(subject: Subject) -> str:
    description = subject.server.get(_path(subject)).expect(200).object()
    _expect_keys("the model's metadata", description, name=str, platform=str, inputs=list, outputs=list)
    for tensor in [*description["inputs"], *description["outputs"]]:
        _expect_keys("a tensor of the model's metadata", tensor, name=str, datatype=str, shape=list)
    return "" if description["inputs"] else "the inputs are not described"


def _model_ready(subject: Subject) -> str:
    subject.server.get(f"{_path(subject)}/ready").expect(200)
    return ""


def _config(subject: Subject) -> str:
    description = subject.server.get(f"{_path(subject)}/config").expect(200).object()
    _expect_keys("the model's configuration", description, name=str, input=list, output=list)
    return ""


def _index(subject: Subject) -> str:
    listed = subject.server.post("/v2/repository/index", {}).expect(200).json()
    if not isinstance(listed, list) or subject.model not in [entry.get("name") for entry in listed]:
        raise WrongAnswerError(
            f"POST /v2/repository/index: expected a list with {subject.model}, got {json.dumps(listed)[:200]}"
        )
    return ""


def _versions(subject: Subject) -> str:
    versions = subject.server.get(_path(subject)).expect(200).object().get("versions") or []
    for version in versions:
        subject.server.get(f"{_path(subject)}/versions/{version}/ready").expect(200)
    return "" if versions else "the model lists no versions"


def _flat(subject: Subject) -> str:
    return _infer(subject, [tensor.in_json() for tensor in subject.sample.tensors])


def _nested(subject: Subject) -> str:
    return _infer(subject, [tensor.in_json(nested=True) for tensor in subject.sample.tensors])


def _compressed(subject: Subject) -> str:
    content = {"id": "1", "inputs": [tensor.in_json() for tensor in subject.sample.tensors]}
    return _examine(subject.server.post_compressed(f"{_path(subject)}/infer", content), "1")


def _binary(subject: Subject) -> str:
    return _examine(_post_binary(subject, subject.sample.tensors), "1")


def _binary_output(subject: Subject) -> str:
    return _examine(_post_binary(subject, subject.sample.tensors, {"binary_data_output": True}), "1")


def _strings(subject: Subject) -> str:
    return _examine(_post_binary(subject, [Tensor("strings", "BYTES", [2])]), "1")


def _halves(subject: Subject) -> str:
    return _examine(_post_binary(subject, [Tensor("halves", "FP16", [1, 4])]), "1")


def _other_model(subject: Subject) -> str:
    for path, method in (("/infer", "POST"), ("", "GET"), ("/ready", "GET")):
        body = json.dumps({"inputs": [Tensor("x", "FP64", [1]).in_json()]}).encode() if method == "POST" else b""
        reply = subject.server.request(method, f"/v2/models/no-such-model{path}", body)
        reply.expect(404, 400).expect_error("error")
    return ""


def _other_version(subject: Subject) -> str:
    content = {"inputs": [tensor.in_json() for tensor in subject.sample.tensors]}
    reply = subject.server.post(f"{_path(subject)}/versions/no-such-version/infer", content)
    reply.expect(404, 400).expect_error("error")
    return ""


def _not_json(subject: Subject) -> str:
    headers = {"content-type": "application/json"}
    for body in (b"", b"{", b"[]", b'{"inputs": 1}', b"\xff\xfe"):
        reply = subject.server.request("POST", f"{_path(subject)}/infer", body, headers)
        reply.expect(400).expect_error("error")
    return ""


def _wrong_shape(subject: Subject) -> str:
    for shape in ([3], [10**18], [-1], "1"):
        tensor = {"name": "x", "datatype": "FP64", "shape": shape, "data": [1, 2]}
        reply = subject.server.post(f"{_path(subject)}/infer", {"inputs": [tensor]})
        reply.expect(400).expect_error("error")
    return ""


def _wrong_binary(subject: Subject) -> str:
    size = struct.pack("<I", 2**32 - 1)
    for datatype, data in (("FP64", b"1234"), ("BYTES", size), ("BYTES", size + b"short")):
        tensor = {"name": "x", "datatype": datatype, "shape": [1], "parameters": {"binary_data_size": len(data)}}
        head = json.dumps({"inputs": [tensor]}).encode()
        headers = {_LENGTH: str(len(head)), "content-type": "application/octet-stream"}
        reply = subject.server.request("POST", f"{_path(subject)}/infer", head + data, headers)
        reply.expect(400).expect_error("error")
    return ""


def _load(subject: Subject) -> str:
    reply = subject.server.post(f"/v2/repository/models/{subject.model}/load", {})
    if reply.status != 200:
        reply.expect_error("error")
    return ""


CHECKS = [
    Check("v2: server is live", _live),
    Check("v2: server is ready", _ready),
    Check("v2: server metadata", _server),
    Check("v2: model metadata", _metadata),
    Check("v2: model is ready", _model_ready),
    Check("v2: model by version", _versions),
    Check("v2: model configuration", _config),
    Check("v2: repository index", _index),
    Check("v2: infer, flat data", _flat),
    Check("v2: infer, nested data", _nested),
    Check("v2: infer, gzip", _compressed),
    Check("v2: infer, binary data", _binary),
    Check("v2: infer, binary output", _binary_output),
    Check("v2: infer, BYTES", _strings),
    Check("v2: infer, FP16", _halves),
    Check("v2: unknown model", _other_model),
    Check("v2: unknown version", _other_version),
    Check("v2: body that is not a request", _not_json),
    Check("v2: shape that does not fit", _wrong_shape),
    Check("v2: binary data that does not fit", _wrong_binary),
    Check("v2: load is done or refused", _load),
]


def _path(subject: Subject) -> str:
    return f"/v2/models/{subject.model}"


def _infer(subject: Subject, inputs: list[dict[str, Any]]) -> str:
    return _examine(subject.server.post(f"{_path(subject)}/infer", {"id": "1", "inputs": inputs}), "1")


def _post_binary(subject: Subject, tensors: list[Tensor], parameters: dict[str, Any] | None = None) -> Reply:
    written = [tensor.in_binary() for tensor in tensors]
    content = {"id": "1", "inputs": [tensor_head for tensor_head, _ in written], "parameters": parameters or {}}
    head = json.dumps(content).encode()
    headers = {_LENGTH: str(len(head)), "content-type": "application/octet-stream"}
    body = b"".join([head, *(data for _, data in written)])
    return subject.server.request("POST", f"{_path(subject)}/infer", body, headers)


def _examine(reply: Reply, request_id: str) -> str:
    """Check the form of an answer, or of an error if the script refuses the made-up values."""
    if reply.status != 200:
        return f"refused: {reply.expect_error('error')}"[:200]
    length = int(reply.headers.get(_LENGTH, len(reply.body)))
    content = reply._replace(body=reply.body[:length]).object()
    _expect_keys("the answer", content, model_name=str, outputs=list)
    if content.get("id") != request_id:
        raise WrongAnswerError(f"expected the id {request_id} in the answer, got {content.get('id')}")
    binary = sum(_examine_output(output) for output in content["outputs"])
    if binary != len(reply.body) - length:
        raise WrongAnswerError(f"expected {binary} bytes of binary data, got {len(reply.body) - length}")
    return ""


def _examine_output(output: Any) -> int:
    """The number of bytes of binary data in an output."""
    _expect_keys("an output", output, name=str, datatype=str, shape=list)
    size = output.get("parameters", {}).get("binary_data_size")
    if size is not None:
        return int(size)
    _expect_keys("an output", output, data=list)
    expected, actual = math.prod(output["shape"]), _count(output["data"])
    if actual != expected:
        raise WrongAnswerError(f"output {output['name']}: its shape needs {expected} values, and it has {actual}")
    return 0


def _count(data: Any) -> int:
    return sum(map(_count, data)) if isinstance(data, list) else 1


def _expect_keys(what: str, content: Any, **types: type) -> None:
    for key, kind in types.items():
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise WrongAnswerError(f"{what}: expected {key} to be a {kind.__name__}, got {json.dumps(content)[:200]}")
