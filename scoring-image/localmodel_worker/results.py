"""Encode what run() returned as JSON."""

from __future__ import annotations

import json
from typing import Any


class NotJson(Exception):
    """run() returned something that JSON cannot express; the text says what."""


def encode_result(result: Any, allow_nan: bool = False) -> bytes:
    """The JSON text of a result: None becomes ``{}``, a str becomes a JSON string, numpy values their lists.

    A toJSON() method, which the original's page promised to honour, gives an object's JSON text. Bare NaN and
    Infinity, which are not JSON, are written only when they are allowed. Raises NotJson.
    """
    if result is None:
        return b"{}"
    try:
        return (_lenient if allow_nan else _strict).encode(result).encode()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise NotJson(f"run() returned a value that cannot be written as JSON: {reason}") from error


def _own_json(value: Any) -> Any:
    if hasattr(value, "toJSON"):
        return json.loads(value.toJSON())
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"a {type(value).__module__}.{type(value).__qualname__} is not a JSON type")


_strict = json.JSONEncoder(allow_nan=False, default=_own_json)
_lenient = json.JSONEncoder(default=_own_json)
