"""What came from elsewhere, as values: one error whatever the bytes are."""

from collections.abc import Mapping
from typing import Any

from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse

# Bytes of JSON. Its values may take twenty times as much memory.
MOST_JSON = 16 << 20


def value(content: bytes) -> Any:
    """The JSON value of the bytes.

    Raises:
        UnreadableError
    """
    if len(content) > MOST_JSON:
        raise UnreadableError(f"more than {MOST_JSON} bytes of JSON")
    return parse(content)


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
