"""What has changed in one place of the answers, over all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from localmodel_untrusted.answer_difference import STATUS, Change
from localmodel_untrusted.json_difference import apart, is_number


@dataclass
class Field:
    """The changes in a place.

    Attributes:
        worst: the largest change, and the number and id of its request; the first one if none has a size.
        answers: in how many answers the place has changed.
        kinds: how.
        largest: the size of the worst change, if it has one.
        sizes: the largest change of each answer in which numbers have changed there.
    """

    worst: tuple[int, str, Change]
    largest: Fraction | None = None
    answers: int = 0
    kinds: set[str] = field(default_factory=set)
    sizes: list[Fraction] = field(default_factory=list)


class Fields:
    """The places in which answers have changed."""

    def __init__(self) -> None:
        self._places: dict[str, Field] = {}

    def add(self, number: int, request_id: str, changes: Iterable[Change]) -> None:
        """Count the changes of one answer."""
        largest: dict[str, Fraction] = {}
        places: set[str] = set()
        for change in changes:
            place = self._places.setdefault(change.place, Field((number, request_id, change)))
            place.kinds.add(change.kind)
            places.add(change.place)
            size = by(change)
            if size is None:
                continue
            largest[change.place] = max(size, largest.get(change.place, size))
            if place.largest is None or size > place.largest:
                place.largest, place.worst = size, (number, request_id, change)
        for name in places:
            self._places[name].answers += 1
        for name, size in largest.items():
            self._places[name].sizes.append(size)

    def __iter__(self) -> Iterator[tuple[str, Field]]:
        """The places, those in most answers first."""
        yield from sorted(self._places.items(), key=lambda item: (-item[1].answers, item[0]))


def by(change: Change) -> Fraction | None:
    """How far apart the two numbers are; None if it is no change of a number."""
    if change.kind != "value" or change.place == STATUS or not (is_number(change.before) and is_number(change.after)):
        return None
    return apart(change.before, change.after)
