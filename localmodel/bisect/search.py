"""Finds which of many things makes the difference, by asking about few of them."""

from collections.abc import Callable, Iterator, Sequence


def first(numbers: Sequence[int], is_other: Callable[[int], bool | None]) -> tuple[int, int]:
    """The last number that is as the first one, and the next, which is not; both of those that can be asked about.

    The first number is known not to be other, the last one is known to be. `is_other` returns None for what cannot be
    asked about. If the answer goes to and fro, it is one of the places where it changes.
    """
    known = [*numbers]
    low, high = 0, len(known) - 1
    while high - low > 1:
        middle = (low + high) // 2
        other = is_other(known[middle])
        if other is None:
            del known[middle]
            high -= 1
        elif other:
            high = middle
        else:
            low = middle
    return known[low], known[high]


def smallest(parts: Sequence[str], makes_it: Callable[[frozenset[str]], bool | None]) -> frozenset[str]:
    """Few of the parts that make the difference together, none of which can be left out (delta debugging, ddmin).

    All of them are known to make it, and none of them not to. `makes_it` returns None for what cannot be tried.
    """
    asked: dict[frozenset[str], bool] = {}

    def makes(chosen: Sequence[str]) -> bool:
        key = frozenset(chosen)
        if key not in asked:
            asked[key] = bool(makes_it(key))
        return asked[key]

    left, pieces = [*parts], 2
    while len(left) > 1:
        chunks = [*_chunks(left, pieces)]
        rests = [[part for part in left if part not in chunk] for chunk in chunks]
        if chunk := next(filter(makes, chunks), None):
            left, pieces = chunk, 2
        elif rest := next(filter(makes, rests), None):
            left, pieces = rest, max(pieces - 1, 2)
        elif pieces < len(left):
            pieces = min(len(left), pieces * 2)
        else:
            break
    return frozenset(left)


def _chunks(parts: list[str], count: int) -> Iterator[list[str]]:
    """The parts in so many pieces of about the same size."""
    for number in range(count):
        if piece := parts[len(parts) * number // count : len(parts) * (number + 1) // count]:
            yield piece
