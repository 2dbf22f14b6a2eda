"""Describes a dialect's routes in /openapi.json, as arguments of FastAPI's router and routes."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

Document = dict[str, Any]

# Marks a route whose requests and answers are the script's to choose where it takes whole HTTP requests (rawhttp).
AS_THE_SCRIPT = "x-as-the-script"
_OBJECT: Document = {"application/json": {"schema": {"type": "object"}}}


# For a router. FastAPI itself says that a good answer is JSON.
ERRORS: dict[int | str, Document] = {
    "4XX": {"description": "What is wrong, as this protocol says it.", "content": _OBJECT},
    "5XX": {"description": "No answer, as this protocol says it.", "content": _OBJECT},
}


def takes(*content_types: str) -> Document:
    """For a route: the content types of the request's body."""
    content = {name: _OBJECT.get(name, {}) for name in content_types}
    return {"openapi_extra": {"requestBody": {"required": True, "content": content}}}


def gives(description: str, *content_types: str) -> Document:
    """For a route: a good answer that is not JSON."""
    content = {name: {"schema": {"type": "string"}} for name in content_types}
    answer = {"description": description, **({"content": content} if content else {})}
    return {"responses": {200: answer}, "response_class": Response}


def refuses(description: str) -> Document:
    """For a route that the protocol has, and this server does not offer."""
    return {"status_code": 501, "response_description": description}
