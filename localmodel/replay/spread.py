"""Chooses few answers that stand for many: one for each class, status and shape, and those with extreme numbers."""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any, NamedTuple

from localmodel_untrusted.answer_difference import Answer
from localmodel_untrusted.json_difference import is_number
from localmodel_untrusted.json_path import below

# What has more values is not a class.
_MOST_CLASSES = 12


class Asked(NamedTuple):
    """Where a request was sent, with its parameters, what it was, and its answer."""

    address: str
    body: bytes
    answer: Answer


def choose(asked: Sequence[Asked], most: int) -> list[int]:
    """The indexes of at most so many, ascending. Two that were asked the same are never both among them."""
    features = _features(asked)
    chosen: list[int] = []
    have: set[Hashable] = set()
    while len(chosen) < most:
        best = max(range(len(asked)), key=lambda index: (len(features[index] - have), -index), default=None)
        if best is None or not features[best] - have:
            break
        chosen.append(best)
        have |= features[best]
    return sorted(chosen)


def _features(asked: Sequence[Asked]) -> list[set[Hashable]]:
    """What each request alone may stand for."""
    features: list[set[Hashable]] = []
    values: defaultdict[tuple[str, str], dict[Any, int]] = defaultdict(dict)
    count: Counter[tuple[str, str]] = Counter()
    seen: set[tuple[str, bytes]] = set()
    for index, one in enumerate(asked):
        own: set[Hashable] = set()
        features.append(own)
        if (key := (one.address, one.body)) in seen:
            continue
        seen.add(key)
        path = one.address.partition("?")[0]  # other parameters are no other class
        leaves = [*_leaves(one.answer.value[0])] if one.answer.value else []
        own.add((path, one.answer.status, frozenset((place, type(value)) for place, value in leaves)))
        for place, value in leaves:
            values[path, place].setdefault(value, index)
            count[path, place] += 1
    for where, first in values.items():
        if _are_classes(first, count[where]):
            for value, index in first.items():
                features[index].add((where, value))
        elif numbers := [value for value in first if is_number(value) and value == value]:
            features[first[min(numbers)]].add((where, "least"))
            features[first[max(numbers)]].add((where, "most"))
    return features


def _are_classes(values: Collection[Any], count: int) -> bool:
    """Whether so many answers have these values because they name classes; numbers do if they come again."""
    if len(values) > _MOST_CLASSES or any(isinstance(value, float) for value in values):
        return False
    return not any(map(is_number, values)) or 2 * len(values) <= count


def _leaves(value: Any, place: str = "$") -> Iterator[tuple[str, Any]]:
    """Each value that holds no other, with its place, in which [*] stands for every index."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, below(place, name))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, f"{place}[*]")
    else:
        yield place, value
