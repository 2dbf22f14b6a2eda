"""Where an answer is not what was expected."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from localmodel_server.json_path import below

_LONGEST = 80


def difference(expected: Any, got: Any, tolerance: float = 0, at: str = "$") -> str | None:
    """The first difference of two JSON values, as `$.a[0]: expected 2, got 7`; None when they are the same.

    2 and 2.0 are the same number, true is none, NaN is NaN. Numbers may be up to tolerance apart.
    """
    if isinstance(expected, dict) and isinstance(got, dict):
        return _of_objects(expected, got, tolerance, at)
    if isinstance(expected, list) and isinstance(got, list):
        return _of_lists(expected, got, tolerance, at)
    if _same(expected, got, tolerance):
        return None
    within = f" within {show(tolerance)}" if tolerance and _is_number(expected) else ""
    return f"{at}: expected {show(expected)}{within}, got {show(got)}"


def nothing_at(expected: Any, at: str) -> str:
    """The difference where the answer ends too early."""
    return f"{at}: expected {show(expected)}, got nothing"


def show(value: Any) -> str:
    """A value in one short line."""
    return cut(json.dumps(value, ensure_ascii=False))


def cut(text: str, longest: int = _LONGEST) -> str:
    """A text in one line, printable, and short."""
    text = text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _of_objects(expected: dict[str, Any], got: dict[str, Any], tolerance: float, at: str) -> str | None:
    for name, value in expected.items():
        place = below(at, name)
        mismatch = difference(value, got[name], tolerance, place) if name in got else nothing_at(value, place)
        if mismatch is not None:
            return mismatch
    for name, value in got.items():
        if name not in expected:
            return f"{below(at, name)}: expected nothing, got {show(value)}"
    return None


def _of_lists(expected: list[Any], got: list[Any], tolerance: float, at: str) -> str | None:
    if len(expected) != len(got):
        return f"{at}: expected {_items(expected)}, got {_items(got)}"
    for index, value in enumerate(expected):
        mismatch = difference(value, got[index], tolerance, below(at, index))
        if mismatch is not None:
            return mismatch
    return None


def _same(expected: Any, got: Any, tolerance: float) -> bool:
    if not (_is_number(expected) and _is_number(got)):
        return type(expected) is type(got) and bool(expected == got)
    if expected == got or (expected != expected and got != got):
        return True
    if not tolerance or not (_is_finite(expected) and _is_finite(got)):
        return False
    return abs(_exact(expected) - _exact(got)) <= _exact(tolerance)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_finite(number: float) -> bool:
    return isinstance(number, int) or number - number == 0


def _exact(number: float) -> Fraction:
    """The number as it is written: 0.3 and 0.4 are 0.1 apart, which their binary values are not."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def _items(values: list[Any]) -> str:
    return "1 item" if len(values) == 1 else f"{len(values)} items"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
