"""What came of asking a revision captured requests: counts, and places in answers, but no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

_MOST = 2**53
_MOST_NAMES = 6
_LONGEST_NAME = 200
_MOST_READ = 100


class Replayed(NamedTuple):
    """The result; `wanted` is how many answers must have been compared before it says anything.

    changed is how many of the compared answers have changed, fields in how many of them each place has. unstable are
    the places in which what served differs from itself. left_out says how many requests were not compared, by why.
    """

    wanted: int
    compared: int
    changed: int
    fields: Mapping[str, int]
    unstable: tuple[str, ...]
    left_out: Mapping[str, int]

    @property
    def is_enough(self) -> bool:
        """Whether so many answers were compared that it says something."""
        return self.compared >= self.wanted

    def text(self) -> str:
        """The result in a line."""
        if self.is_enough:
            said = f"{self.changed} of {self.compared} answers to captured requests change"
            fields = [f"{name} in {count}" for name, count in _most_first(self.fields)]
            said += f": {_listed(fields)}" if fields else ""
        else:
            said = (
                f"only {self.compared} answers to captured requests could be compared, so that nothing is judged: "
                f"spec.update.replay.minRequests is {self.wanted}"
            )
        if self.unstable:
            said += f"; not compared, because what served differs from itself there: {_listed(self.unstable)}"
        for why, count in _most_first(self.left_out)[:_MOST_NAMES]:
            said += f"; {count} not compared: {why}"
        return said

    def as_json(self) -> dict[str, Any]:
        """The result as an object that read() reads."""
        lists = {"fields": dict(self.fields), "unstable": [*self.unstable], "left_out": dict(self.left_out)}
        return {**self._asdict(), **lists}


def read(value: Any) -> Replayed:
    """The result that a server reports, which somebody else may have written.

    Raises:
        ValueError: it is not one; the text names what is wrong.
    """
    if not isinstance(value, dict):
        raise ValueError("replayed is not an object")
    wanted, compared, changed = (_count(value.get(name), name) for name in ("wanted", "compared", "changed"))
    unstable = value.get("unstable")
    if not isinstance(unstable, list) or not all(isinstance(name, str) for name in unstable):
        raise ValueError("replayed.unstable is not a list of texts")
    names = tuple(_one_line(name) for name in unstable[:_MOST_READ])
    fields, left_out = (_counts(value.get(name), name) for name in ("fields", "left_out"))
    return Replayed(wanted, compared, changed, fields, names, left_out)


def together(results: Sequence[Replayed]) -> Replayed:
    """The result of several servers, at least one: of those that compared enough, or else of the one with most."""
    enough = [result for result in results if result.is_enough]
    if not enough:
        return max(results, key=lambda result: result.compared)
    fields, left_out = Counter[str](), Counter[str]()
    for result in enough:
        fields.update(result.fields)
        left_out.update(result.left_out)
    return Replayed(
        max(result.wanted for result in enough),
        sum(result.compared for result in enough),
        sum(result.changed for result in enough),
        fields,
        tuple(sorted({name for result in enough for name in result.unstable})),
        left_out,
    )


def _most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _listed(names: Iterable[str]) -> str:
    names = [*names]
    more = [] if len(names) <= _MOST_NAMES else [f"{len(names) - _MOST_NAMES + 1} more"]
    return ", ".join([*names[: _MOST_NAMES - len(more)], *more])


def _counts(value: Any, name: str) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ValueError(f"replayed.{name} is not an object")
    return {_one_line(str(key)): _count(value[key], name) for key in [*value][:_MOST_READ]}


def _one_line(name: str) -> str:
    return " ".join(name[:_LONGEST_NAME].split())


def _count(value: Any, name: str) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError(f"replayed.{name} is not a count")
    return value
