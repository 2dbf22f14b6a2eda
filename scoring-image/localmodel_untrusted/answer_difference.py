"""Compares the answers to one request."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError
from localmodel_untrusted.json_difference import EXACT, Difference, Step, Tolerance, differences
from localmodel_untrusted.json_path import Pattern, below

STATUS = "status"
_MOST_LEVELS = 100
_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}


@dataclass(frozen=True)
class Answer:
    """The status and the body of an answer, and how long it took."""

    status: int
    body: bytes
    milliseconds: float

    @cached_property
    def value(self) -> tuple[Any, ...]:
        """The value of its JSON in a tuple, which is empty if it is something else, or is nested too deeply."""
        try:
            value = json_text.parse_loosely(self.body)
        except UnreadableError:
            return ()
        levels_at_most = self.body.count(b"[") + self.body.count(b"{")
        return () if levels_at_most > _MOST_LEVELS and _is_deep(value) else (value,)


@dataclass(frozen=True)
class Change:
    """A place in which an answer has changed, with what stood there before and after it, if something did."""

    path: str
    place: str
    kind: str
    before: Any
    after: Any

    def text(self, side: str, longest: int = 80) -> str:
        """What stood there `before` or `after` it, as JSON, cut; `nothing` where nothing did."""
        if self.kind == ("added" if side == "before" else "missing"):
            return "nothing"
        text = json.dumps(getattr(self, side), ensure_ascii=False)
        return text if len(text) <= longest else f"{text[: longest - 3]}..."


@dataclass(frozen=True)
class Rules:
    """What does not count: numbers that are close, and what is at some paths, or below them."""

    tolerance: Tolerance = EXACT
    ignored: tuple[Pattern, ...] = ()


def unstable(first: Answer, second: Answer, rules: Rules) -> tuple[set[str], set[str]]:
    """The places in which two answers of the same to the same request differ: fields, and what is more than a field.

    A field that differs, such as a time, is one of all answers. A status, a list of another length, or an answer that
    is no object or list says nothing of other requests.
    """
    if first.status != second.status:
        return set(), {STATUS}
    fields, more = set[str](), set[str]()
    for difference in _not_ignored(first, second, rules):
        is_field = difference.steps and difference.kind != "length"
        (fields if is_field else more).add(_place(difference.steps))
    return fields, more


def incomparable(before: Answer, after: Answer) -> str:
    """Why two answers cannot be compared; "" if they can."""
    kinds = [_kind(answer) for answer in (before, after)]
    return "" if kinds[0] == kinds[1] or before.status != after.status else f"{kinds[0]} before, {kinds[1]} after"


def changes(before: Answer, after: Answer, rules: Rules, left_out: Container[str]) -> Iterator[Change]:
    """The changes, but for places that are left out, and what is below them."""
    if before.status != after.status:
        yield Change(STATUS, STATUS, "value", before.status, after.status)
        return
    for difference in _not_ignored(before, after, rules):
        place = _place(difference.steps)
        if not is_within(place, left_out):
            yield Change(_path(difference.steps), place, difference.kind, difference.before, difference.after)


def is_within(place: str, places: Container[str]) -> bool:
    """Whether the place is one of them, or below one of them."""
    return place in places or any(place[:end] in places for end, sign in enumerate(place) if sign in ".[")


def _not_ignored(before: Answer, after: Answer, rules: Rules) -> Iterator[Difference]:
    for difference in _differences(before, after, rules.tolerance):
        if not any(_reaches(pattern, difference.steps) for pattern in rules.ignored):
            yield difference


def _differences(before: Answer, after: Answer, tolerance: Tolerance) -> Iterator[Difference]:
    if before.value and after.value:
        yield from differences(before.value[0], after.value[0], tolerance)
    elif before.body != after.body:
        yield Difference((), "value", *(answer.body.decode(errors="replace") for answer in (before, after)))


def _reaches(pattern: Pattern, steps: tuple[Step, ...]) -> bool:
    """Whether the pattern leads to the place, or to one above it; None stands for every index."""
    if len(pattern) > len(steps):
        return False
    return all(isinstance(step, int) if wanted is None else wanted == step for wanted, step in zip(pattern, steps))


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_MOST_LEVELS):
        holders = [item for item in level if isinstance(item, (dict, list))]
        if not holders:
            return False
        level = [item for holder in holders for item in (holder.values() if isinstance(holder, dict) else holder)]
    return True


def _path(steps: tuple[Step, ...]) -> str:
    path = "$"
    for step in steps:
        path = below(path, step)
    return path


def _place(steps: tuple[Step, ...]) -> str:
    """The path, with [*] for every index."""
    place = "$"
    for step in steps:
        place = f"{place}[*]" if isinstance(step, int) else below(place, step)
    return place


def _kind(answer: Answer) -> str:
    if not answer.value:
        return "no JSON"
    return _KINDS.get(type(answer.value[0]), "a number")
