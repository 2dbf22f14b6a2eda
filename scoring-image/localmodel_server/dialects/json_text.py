"""JSON in and out, with the NaN and Infinity that Python's own writer leaves in it."""

from __future__ import annotations

import json
from typing import Any

import orjson

from localmodel_server.dialects.bad_request import BadRequest


def load(text: bytes) -> Any:
    """Parse JSON; raises ValueError."""
    try:
        return orjson.loads(text)
    except ValueError:
        if b"NaN" not in text and b"Infinity" not in text:
            raise
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_request(text: bytes) -> Any:
    """Parse the JSON of a request; raises BadRequest."""
    try:
        return load(text)
    except ValueError as error:
        raise BadRequest(400, f"the body is not JSON: {error}") from None


def load_object(text: bytes) -> dict[str, Any]:
    """Parse the JSON object of a request; raises BadRequest."""
    content = load_request(text)
    if not isinstance(content, dict):
        raise BadRequest(400, "the body must be a JSON object")
    return content


def dump(value: Any) -> bytes:
    """Write JSON; NaN and the infinities become null.

    Raises BadRequest for a text that UTF-8 cannot hold, and for numbers of more than 64 bits.
    """
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise BadRequest(400, f"a value cannot be passed on as JSON: {error}") from None


def message_of(body: bytes) -> str:
    """The text of an error, from its JSON body or, where a script has made it, from any."""
    try:
        return str(orjson.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
