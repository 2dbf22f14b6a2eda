"""Reads JSON from elsewhere, with one error for all bytes that are not valid."""

from collections.abc import Mapping
from typing import Any

from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse

# The limit for JSON, in bytes; its values may take twenty times as much memory.
MOST_JSON = 16 << 20


def value(content: bytes) -> Any:
    """The JSON value of the bytes.

    Raises:
        UnreadableError: they are not valid JSON, or too many.
    """
    if len(content) > MOST_JSON:
        raise UnreadableError(f"more than {MOST_JSON} bytes of JSON")
    return parse(content)


def text(fields: Mapping[str, Any], field: str, default: str = "") -> str:
    """The text in a field, or the default.

    Raises:
        TypeError: the field is not a text.
    """
    value = fields.get(field, default)
    if not isinstance(value, str):
        raise TypeError(f"{field} is not text")
    return value


def texts(fields: Mapping[str, Any], field: str) -> dict[str, str]:
    """The texts in a field, by key; empty without the field.

    Raises:
        TypeError: the field is not an object of texts.
    """
    values = fields.get(field, {})
    if not isinstance(values, dict):
        raise TypeError(f"{field} is not an object")
    return {key: text(values, key) for key in values}


def why(error: Exception) -> str:
    """A phrase for why something could not be read."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
