"""Finds the probabilities in an answer: lists of numbers from 0 to 1 that sum to 1."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

_ROUNDED = 0.011  # how far from 1 the sum of rounded numbers may be: 0.33 three times
_MOST_LISTS = 10
_MOST_BARS = 20
_DEEPEST = 6
_MOST_PLACES = 2000


@dataclass(frozen=True)
class Bar:
    """A probability, and what it is of."""

    label: str
    value: float


@dataclass(frozen=True)
class Chances:
    """Probabilities that belong together. `path` leads to them; `others` is how many small ones are left out."""

    path: str
    bars: tuple[Bar, ...]
    others: int = 0


def of_body(body: bytes) -> list[Chances]:
    """The probabilities in the body of an answer; none where it is not JSON."""
    try:
        value = json_text.parse_loosely(body)
        # Many scripts return json.dumps() of their answer.
        return find(json_text.parse_loosely(value.encode()) if isinstance(value, str) else value)
    except (UnreadableError, ValueError, RecursionError):
        return []


def find(value: object) -> list[Chances]:
    """The probabilities in an answer; only the first lists of many."""
    made: list[Chances] = []
    for path, part in _parts(value):
        if chances := _chances(path, part):
            made.append(chances)
        if len(made) == _MOST_LISTS:
            break
    return made


def _parts(value: object) -> Iterator[tuple[str, list[Any] | Mapping[str, Any]]]:
    """Every list and mapping with its path, from the outside in."""
    waiting: list[tuple[str, object, int]] = [("", value, 0)]
    for path, part, depth in waiting:
        if isinstance(part, list):
            yield path, part
            inner = [(f"{path}[{index}]", item, depth + 1) for index, item in enumerate(part[:_MOST_PLACES])]
        elif isinstance(part, Mapping):
            yield path, part
            inner = [(f"{path}.{name}".removeprefix("."), item, depth + 1) for name, item in part.items()]
        else:
            continue
        if depth < _DEEPEST and len(waiting) < _MOST_PLACES:
            waiting += [entry for entry in inner if isinstance(entry[1], list | Mapping)][:_MOST_PLACES]


def _chances(path: str, part: list[Any] | Mapping[str, Any]) -> Chances | None:
    named = part.items() if isinstance(part, Mapping) else ((str(index), item) for index, item in enumerate(part))
    pairs = list(named)
    values = [value for _, value in pairs]
    # Whole numbers alone are classes or counts.
    if len(values) < 2 or not all(map(_is_chance, values)) or not any(isinstance(value, float) for value in values):
        return None
    if abs(sum(values) - 1) > _ROUNDED:
        return None
    shown = pairs
    if len(pairs) > _MOST_BARS:
        shown = sorted(pairs, key=lambda pair: -pair[1])[:_MOST_BARS]
    return Chances(path, tuple(Bar(label, float(value)) for label, value in shown), len(pairs) - len(shown))


def _is_chance(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
