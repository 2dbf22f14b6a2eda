"""The gate's requests as the file gate.json has them: a list of objects."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from localmodel_server.configuration.settings import SettingsError
from localmodel_untrusted import json_path
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_path import Step
from localmodel_untrusted.json_text import parse_loosely

MOST_REQUESTS = 32
MOST_BYTES = 128 * 1024


class Field(NamedTuple):
    """A part of the answer, by path, and its expected value; numbers may differ by `tolerance`."""

    path: str
    steps: tuple[Step, ...]
    equals: Any
    tolerance: float


class Expectation(NamedTuple):
    """What an answer must be; `whole` is a tuple with the expected JSON, or empty for any."""

    status: int
    whole: tuple[Any, ...]
    tolerance: float
    fields: tuple[Field, ...]
    most_ms: int | None


class GateRequest(NamedTuple):
    """One request, and what is expected of its answer."""

    name: str
    method: str
    path: str
    body: bytes
    content_type: str
    expect: Expectation


def read(text: bytes | str) -> tuple[GateRequest, ...]:
    """Read gate.json.

    Raises:
        SettingsError: which names the field.
    """
    encoded = text.encode(errors="replace") if isinstance(text, str) else text
    if len(encoded) > MOST_BYTES:
        raise SettingsError(f"gate: larger than {MOST_BYTES} bytes")
    try:
        content = parse_loosely(encoded)  # a script may answer NaN
    except UnreadableError as error:
        raise SettingsError(f"gate: {error}") from None
    try:
        return _items(content, "requests", MOST_REQUESTS, _request)
    except _InvalidError as error:
        raise SettingsError(f"gate: {error}") from None


class _InvalidError(ValueError):
    """What is wrong with a field, with its path."""


class _Object:
    """An object that is read field by field; a field that nobody asks for is an error.

    A newer server may know such a field; ignoring it could accept an answer that it forbids.
    """

    def __init__(self, value: Any, at: str) -> None:
        if not isinstance(value, Mapping):
            raise _InvalidError(f"{at}: expected an object")
        self._left = dict(value)
        self._at = at

    def take(self, name: str, kind: type, default: Any, fits: Callable[[Any], bool] = lambda _: True) -> Any:
        value = self._left.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, kind) or not fits(value):
            raise _InvalidError(f"{self._at}.{name}: {json.dumps(value)[:80]} cannot be used")
        return value

    def take_number(self, name: str) -> float:
        is_whole = isinstance(self._left.get(name), int)
        number = self.take(name, int if is_whole else float, 0.0, lambda value: 0 <= value <= sys.float_info.max)
        return float(number)

    def take_any(self, name: str) -> tuple[Any, ...]:
        return (self._left.pop(name),) if name in self._left else ()

    def take_items(self, name: str, most: int, read_one: Callable[[Any, str], Any]) -> tuple[Any, ...]:
        return _items(self._left.pop(name, []), f"{self._at}.{name}", most, read_one)

    def end(self) -> None:
        for name in self._left:
            raise _InvalidError(f"{self._at}.{name}: unknown field")


def _items(value: Any, at: str, most: int, read_one: Callable[[Any, str], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise _InvalidError(f"{at}: expected a list of {most} at most")
    return tuple(read_one(item, f"{at}[{index}]") for index, item in enumerate(value))


def _request(value: Any, at: str) -> GateRequest:
    given = _Object(value, at)
    request = GateRequest(
        name=given.take("name", str, ""),
        method=given.take("method", str, "POST", lambda text: text in ("GET", "POST")),
        path=given.take("path", str, "/score", lambda text: text.startswith("/")),
        body=given.take("body", str, "").encode(errors="replace"),
        content_type=given.take("contentType", str, "application/json", lambda text: text.isprintable()),
        expect=_expectation(given.take("expect", dict, {}), f"{at}.expect"),
    )
    given.end()
    return request


def _expectation(value: Any, at: str) -> Expectation:
    given = _Object(value, at)
    expectation = Expectation(
        status=given.take("status", int, 200),
        whole=given.take_any("json"),
        tolerance=given.take_number("tolerance"),
        fields=given.take_items("fields", 64, _field),
        most_ms=given.take("maxMilliseconds", int, 0) or None,
    )
    given.end()
    return expectation


def _field(value: Any, at: str) -> Field:
    given = _Object(value, at)
    path = given.take("path", str, "")
    try:
        steps = json_path.parse(path)
    except ValueError as error:
        raise _InvalidError(f"{at}.path: {error}") from None
    equals = given.take_any("equals")
    if not equals:
        raise _InvalidError(f"{at}.equals: missing")
    field = Field(path, steps, equals[0], given.take_number("tolerance"))
    given.end()
    return field
