"""Where an answer is not what was expected."""

from __future__ import annotations

import json
from typing import Any

from localmodel_untrusted.json_difference import Difference, Tolerance, differences, is_number
from localmodel_untrusted.json_path import below

_LONGEST = 80


def difference(expected: Any, got: Any, tolerance: float = 0, at: str = "$") -> str | None:
    """The first difference of two JSON values, as `$.a[0]: expected 2, got 7`; None when they are the same.

    2 and 2.0 are the same number, true is none, NaN is NaN. Numbers may be up to tolerance apart.
    """
    first = next(differences(expected, got, Tolerance(tolerance)), None)
    return None if first is None else _in_words(first, tolerance, at)


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


def _in_words(difference: Difference, tolerance: float, at: str) -> str:
    for step in difference.steps:
        at = below(at, step)
    expected, got = difference.before, difference.after
    if difference.kind == "missing":
        return nothing_at(expected, at)
    if difference.kind == "added":
        return f"{at}: expected nothing, got {show(got)}"
    if difference.kind == "length":
        return f"{at}: expected {_items(expected)}, got {_items(got)}"
    within = f" within {show(tolerance)}" if tolerance and is_number(expected) else ""
    return f"{at}: expected {show(expected)}{within}, got {show(got)}"


def _items(values: list[Any]) -> str:
    return "1 item" if len(values) == 1 else f"{len(values)} items"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
