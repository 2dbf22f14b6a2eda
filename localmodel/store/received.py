"""What came from elsewhere, as values: one error whatever the bytes are."""

import json
import math
from collections.abc import Mapping
from typing import Any

# Bytes of JSON. Its values may take twenty times as much memory.
MOST_JSON = 16 << 20


def value(content: bytes) -> Any:
    """The JSON value of the bytes.

    Raises:
        ValueError: there is none, it is not text in UTF-8, or a number of it is not finite.
    """
    if len(content) > MOST_JSON:
        raise ValueError(f"more than {MOST_JSON} bytes of JSON")
    try:
        found = json.loads(content.decode(), parse_constant=_finite, parse_float=_finite)
        if b"\\u" in content:
            json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeError:
        raise ValueError("it is not UTF-8 text") from None
    return found


def text(told: Mapping[str, Any], field: str, default: str = "") -> str:
    """
    Raises:
        TypeError: it is something else.
    """
    found = told.get(field, default)
    if not isinstance(found, str):
        raise TypeError(f"{field} is not text")
    return found


def texts(told: Mapping[str, Any], field: str) -> dict[str, str]:
    """A text for each key of a field, none without it.

    Raises:
        TypeError: it is something else.
    """
    found = told.get(field, {})
    if not isinstance(found, dict):
        raise TypeError(f"{field} is not an object")
    return {key: text(found, key) for key in found}


def why(error: Exception) -> str:
    """What is wrong, in words, with what could not be made a value."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"{written[:40]} is not a finite number")
    return number
