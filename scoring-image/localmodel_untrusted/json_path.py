"""Paths into a JSON value: `$.predictions[0]["odd name"]`, where -1 is the last item."""

from __future__ import annotations

import json
import re
from typing import Any, Optional, Union

Step = Union[str, int]
Pattern = tuple[Optional[Step], ...]

# Of one step. The resource's schema has the same for a whole path.
_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z0-9_-]+)|\[(?P<index>-?[0-9]{1,9})]|\[(?P<quoted>"([^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*")]"""
)
_EVERY = "[*]"
_SIMPLE = re.compile(r"[A-Za-z0-9_-]+")


class MissingPathError(LookupError):
    """The value has nothing at the path."""


def parse(text: str) -> tuple[Step, ...]:
    """The steps of a path: names and indices.

    Raises:
        ValueError
    """
    steps = []
    for step in parse_pattern(text):
        if step is None:
            raise ValueError(f"{_EVERY} is not a valid step of a path here; write [0] or [-1]")
        steps.append(step)
    return tuple(steps)


def parse_pattern(text: str) -> Pattern:
    """The steps of a path in which `[*]`, here None, stands for every item of an array.

    Raises:
        ValueError
    """
    if not text.startswith("$"):
        raise ValueError("a path begins with $, which is the whole value")
    steps: list[Optional[Step]] = []
    position = 1
    while position < len(text):
        if text.startswith(_EVERY, position):
            steps.append(None)
            position += len(_EVERY)
            continue
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(
                f'{text[position:]!r} is not a valid step of a path; write .name, ["any name"], [0] or [-1]'
            )
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def look_up(value: Any, steps: tuple[Step, ...]) -> Any:
    """What is at the path.

    Raises:
        MissingPathError
    """
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                raise MissingPathError
            value = value[step]
        else:
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                raise MissingPathError
            value = value[step]
    return value


def below(path: str, step: Step) -> str:
    """The path of what is one step below another path."""
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if _SIMPLE.fullmatch(step) else f"{path}[{json.dumps(step)}]"


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return int(match["index"])
    # As lenient as a message may be: a line break in a name is a character like others.
    return match["name"] or str(json.loads(match["quoted"], strict=False))
