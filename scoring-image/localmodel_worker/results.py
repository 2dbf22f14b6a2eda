"""Encode what run() returned as JSON."""

from __future__ import annotations

import json
from typing import Any


class NotJson(Exception):
    """run() returned something that JSON cannot express; the text says what."""


def encode_result(result: Any) -> bytes:
    """The JSON text of a result: None becomes ``{}``, a str becomes a JSON string.

    Raises NotJson.
    """
    if result is None:
        return b"{}"
    try:
        return _encoder.encode(result).encode()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise NotJson(f"run() returned a value that cannot be written as JSON: {reason}") from error


def _own_json(value: Any) -> Any:
    if not hasattr(value, "toJSON"):
        raise TypeError(f"a {type(value).__module__}.{type(value).__qualname__} is not a JSON type")
    return json.loads(value.toJSON())


# Bare NaN and Infinity are not JSON: strict clients fail to parse the whole answer.
_encoder = json.JSONEncoder(allow_nan=False, default=_own_json)
