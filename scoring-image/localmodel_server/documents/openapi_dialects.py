"""What the document at /openapi.json says of the other dialects' routes, beyond what FastAPI can see."""

from __future__ import annotations

import re
from typing import Any

from localmodel_server.messages.contract import Contract

Document = dict[str, Any]

_TEXT: Document = {"description": "As text.", "content": {"text/plain": {"schema": {"type": "string"}}}}
_ANY: Document = {"description": "What the script answered.", "content": {"*/*": {}}}
_OBJECT: Document = {"schema": {"type": "object"}}
_SUCCESS = {"/version": _TEXT, "/health": _TEXT, "/ping": {"description": "No body."}}
_BODIES = {
    "/infer": ["application/json", "application/octet-stream"],
    ":predict": ["application/json"],
    "/invocations": ["application/json", "text/csv"],
}
_NOT_OFFERED = re.compile(r".*[:/]explain|/v2/repository/models/.*")


def describe(path: str, operation: Document, contract: Contract) -> None:
    """Add bodies and answers to one operation of another dialect, in place."""
    operation["parameters"] = [*operation.get("parameters", []), *_missing_parameters(path, operation)]
    responses: Document = {
        "4XX": {"description": "What is wrong, as this protocol says it.", "content": {"application/json": _OBJECT}},
        "5XX": {"description": "No answer, as this protocol says it.", "content": {"application/json": _OBJECT}},
    }
    if not _NOT_OFFERED.fullmatch(path):
        responses["200"] = dict(_SUCCESS.get(path) or {"description": "Success.", "content": {"application/json": {}}})
    for ending, types in _BODIES.items():
        if path.endswith(ending):
            operation["requestBody"] = {"required": True, "content": {name: _body(name) for name in types}}
    if path == "/invocations" and contract.mode == "http":
        operation["requestBody"] = {"content": {"*/*": {}}}
        responses = {"default": dict(_ANY)}
    operation["responses"] = responses


def _body(content_type: str) -> Document:
    return _OBJECT if content_type == "application/json" else {}


def _missing_parameters(path: str, operation: Document) -> list[Document]:
    """Those that stand in the path, but not in the function that answers."""
    known = {each.get("name") for each in operation.get("parameters", [])}
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
        if name not in known
    ]
