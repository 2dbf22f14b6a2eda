"""JSON objects that others wrote, read with the types that are expected."""

from __future__ import annotations

from typing import Any

from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_text import parse

# What every reader of JSON keeps exactly.
MOST_WHOLE_NUMBER = 2**53


class Fields:
    """A JSON object, read field by field; unknown fields are allowed. Every method raises UnreadableError."""

    def __init__(self, content: bytes) -> None:
        self._fields = parse(content, "surrogatepass")  # the field that has them is named
        if not isinstance(self._fields, dict):
            raise UnreadableError("expected an object")

    def has(self, name: str) -> bool:
        """Whether the field is there."""
        return name in self._fields

    def text(self, name: str) -> str:
        """A string that can be a variable's value."""
        value = self._get(name)
        if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
            raise UnreadableError(f"{name}: expected a string")
        return value

    def whole_number(self, name: str) -> int:
        """A whole number from 0 to MOST_WHOLE_NUMBER."""
        value = self._get(name)
        if type(value) is not int or not 0 <= value <= MOST_WHOLE_NUMBER:
            raise UnreadableError(f"{name}: expected a whole number from 0 to {MOST_WHOLE_NUMBER}")
        return value

    def number(self, name: str, most: float) -> float:
        """A number from 0 to `most`."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
            raise UnreadableError(f"{name}: expected a number from 0 to {most:g}")
        return value

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise UnreadableError(f"{name}: expected true or false")
        return value

    def _get(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise UnreadableError(f"the field {name} is missing") from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
