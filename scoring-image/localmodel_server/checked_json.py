"""JSON that others wrote: one error whatever the bytes are, and fields that have the type they are asked for."""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any

# What every reader of JSON keeps exactly.
MOST_WHOLE_NUMBER = 2**53
_MOST_BYTES = 1024 * 1024


class Unreadable(ValueError):
    """It is not what it should be; the text says why."""


def read_file(path: Path, most_bytes: int = _MOST_BYTES) -> bytes | None:
    """The content of a file of at most most_bytes; None where there is none. Raises Unreadable."""
    try:
        # A pipe in its place would keep a reader waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unreadable(_why(error)) from error
    try:
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("it is not a file")
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise Unreadable(_why(error)) from error
    if len(content) > most_bytes:
        raise Unreadable(f"it is larger than {most_bytes} bytes")
    return content


def parse(content: bytes | str, not_finite: bool = False) -> Any:
    """The value of a JSON text in UTF-8; with NaN and numbers beyond a float only if not_finite. Raises Unreadable."""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8")
        if not_finite:
            return json.loads(text)
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except Unreadable:
        raise
    except UnicodeDecodeError as error:
        raise Unreadable(f"not text in UTF-8: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise Unreadable(f"not JSON: {error}") from None
    except RecursionError:
        raise Unreadable("not JSON that can be read: nested too deeply") from None


class Fields:
    """A JSON object that is read field by field; what nobody asks for may be there. Raises Unreadable."""

    def __init__(self, content: bytes | str) -> None:
        self._fields = parse(content)
        if not isinstance(self._fields, dict):
            raise Unreadable("expected an object")

    def text(self, name: str) -> str:
        """A text that can be a variable's value."""
        value = self._get(name)
        if not isinstance(value, str) or "\0" in value or not _is_unicode(value):
            raise Unreadable(f"{name}: expected a text")
        return value

    def whole_number(self, name: str) -> int:
        """A whole number from 0 to MOST_WHOLE_NUMBER."""
        value = self._get(name)
        if type(value) is not int or not 0 <= value <= MOST_WHOLE_NUMBER:
            raise Unreadable(f"{name}: expected a whole number from 0 to {MOST_WHOLE_NUMBER}")
        return value

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._get(name)
        if not isinstance(value, bool):
            raise Unreadable(f"{name}: expected true or false")
        return value

    def _get(self, name: str) -> Any:
        try:
            return self._fields[name]
        except KeyError:
            raise Unreadable(f"it lacks the field {name}") from None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _why(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _refuse_constant(text: str) -> Any:
    raise Unreadable(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable(f"the number {text[:40]} is too large")
    return number
