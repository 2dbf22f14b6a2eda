"""Where two JSON values differ."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple, Union

Step = Union[str, int]


class Difference(NamedTuple):
    """A place where two values differ.

    kind is `value`; `missing` or `added` for what only one of them has, whose other value is None; or `length` for
    lists that are not equally long.
    """

    steps: tuple[Step, ...]
    kind: str
    before: Any
    after: Any


class Tolerance(NamedTuple):
    """How far apart numbers may be that count as the same: absolutely, or as a part of the first one."""

    absolute: float = 0
    relative: float = 0


EXACT = Tolerance()


def differences(
    before: Any, after: Any, tolerance: Tolerance = EXACT, at: tuple[Step, ...] = ()
) -> Iterator[Difference]:
    """The differences, in the order of the first value.

    2 and 2.0 are the same number, true is none, NaN is NaN.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name in after:
                yield from differences(value, after[name], tolerance, (*at, name))
            else:
                yield Difference((*at, name), "missing", value, None)
        for name, value in after.items():
            if name not in before:
                yield Difference((*at, name), "added", None, value)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield Difference(at, "length", before, after)
            return
        for index, value in enumerate(before):
            yield from differences(value, after[index], tolerance, (*at, index))
    elif not _same(before, after, tolerance):
        yield Difference(at, "value", before, after)


def is_number(value: Any) -> bool:
    """Whether it is a number in JSON."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def apart(before: float, after: float) -> Fraction | None:
    """How far apart two numbers are, as they are written: 0.3 and 0.4 are 0.1 apart, which their binary values are not.

    None if one of them is not finite.
    """
    if not (_is_finite(before) and _is_finite(after)):
        return None
    return abs(_exact(before) - _exact(after))


def _same(before: Any, after: Any, tolerance: Tolerance) -> bool:
    if not (is_number(before) and is_number(after)):
        return type(before) is type(after) and bool(before == after)
    if before == after or (before != before and after != after):
        return True
    if not any(tolerance):
        return False
    if isinstance(before, float) and isinstance(after, float):
        # The exact way takes a hundred times as long, and is needed only where rounding could decide.
        limit = max(tolerance.absolute, tolerance.relative * abs(before))
        over, rounding = abs(before - after) - limit, 1e-15 * (abs(before) + abs(after) + limit)
        if abs(over) > rounding:
            return over < 0
    if (distance := apart(before, after)) is None:
        return False
    return distance <= max(_exact(tolerance.absolute), _exact(tolerance.relative) * abs(_exact(before)))


def _is_finite(number: float) -> bool:
    return isinstance(number, int) or number - number == 0


def _exact(number: float) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))
