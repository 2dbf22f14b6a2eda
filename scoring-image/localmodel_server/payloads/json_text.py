"""JSON in and out, with the NaN and Infinity that Python's own writer leaves in it."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

from localmodel_server.errors import BadRequestError

_LONG_RUN = b"0" * 19
_DIGITS_TO_ZERO = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))
# A whole number that 64 bits may not hold. What stands in a text, or in an exponent, is only read more slowly.
_LONG_INTEGER = re.compile(rb"(?<![0-9.eE+])[0-9]{19,}(?![0-9.eE])")
_LONGEST_MESSAGE = 1 << 16
_TOO_LONG = "a number in it has too many digits"


def load(text: bytes, exactly: bool = True) -> Any:
    """Parse JSON. Not exactly: a whole number of more than 64 bits may become a float.

    Raises:
        ValueError
    """
    if not (exactly and _has_long_integer(text)):
        try:
            return orjson.loads(text)
        except ValueError:
            if b"NaN" not in text and b"Infinity" not in text:
                raise
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python's words are for programmers
        raise ValueError(_TOO_LONG) from None


def _has_long_integer(text: bytes) -> bool:
    return _LONG_RUN in text.translate(_DIGITS_TO_ZERO) and _LONG_INTEGER.search(text) is not None


def load_request(text: bytes, exactly: bool = True) -> Any:
    """Parse the JSON of a request.

    Raises:
        BadRequestError
    """
    try:
        return load(text, exactly)
    except ValueError as error:
        raise BadRequestError(400, f"the body is not JSON: {error}") from None


def load_object(text: bytes, exactly: bool = True) -> dict[str, Any]:
    """Parse the JSON object of a request.

    Raises:
        BadRequestError
    """
    content = load_request(text, exactly)
    if not isinstance(content, dict):
        raise BadRequestError(400, "the body must be a JSON object")
    return content


def dump(value: Any) -> bytes:
    """Write JSON; NaN and the infinities become null.

    Raises:
        BadRequestError: for a text that UTF-8 cannot hold, and for numbers of more than 64 bits.
    """
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise BadRequestError(400, f"a value cannot be passed on as JSON: {error}") from None


def message_of(body: bytes) -> str:
    """The text of an error, from its JSON body or, where a script has made it, from any."""
    try:
        if len(body) <= _LONGEST_MESSAGE:
            return str(orjson.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        pass
    return body[:_LONGEST_MESSAGE].decode(errors="replace")
