"""Which answers of a candidate have changed."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from localmodel_untrusted.answer_difference import Answer, Rules, changes, incomparable, is_within, unstable
from localmodel_untrusted.replayed import Replayed

_MOST_PLACES = 100  # of one answer
_LONGEST_ANSWER = 1 << 20  # bytes: comparing longer ones takes seconds, and memory beside a revision that serves
_MOST_UNSTABLE = 100
_MOST_TOLD = 20
_LONGEST_PLACE = 200


class Comparison:
    """The answers to one request after another, of which only the places that differ are kept."""

    def __init__(self, rules: Rules) -> None:
        self.left_out = Counter[str]()
        self._rules = rules
        self._unstable: set[str] = set()
        self._changed: list[set[str]] = []  # the places of each answer

    def add(self, first: Answer, again: Answer, new: Answer) -> None:
        """Compare the new answer with one of two that what serves has given."""
        if max(len(answer.body) for answer in (first, again, new)) > _LONGEST_ANSWER:
            self.left_out["the answer is longer than 1 MiB"] += 1
            return
        fields, more = unstable(first, again, self._rules)
        self._unstable.update(islice((_cut(field) for field in fields), _MOST_UNSTABLE - len(self._unstable)))
        if more:
            self.left_out["what served differs from itself, in more than a field"] += 1
        elif incomparable(first, new):
            self._changed.append({"$"})
        else:
            differing = islice(changes(first, new, self._rules, ()), _MOST_PLACES)
            self._changed.append({_cut(change.place) for change in differing})

    def result(self, wanted: int) -> Replayed:
        """What came of all of them."""
        fields = Counter[str]()
        changed = 0
        for places in self._changed:
            counted = [place for place in places if not is_within(place, self._unstable)]
            changed += bool(counted)
            fields.update(counted)
        few = dict(fields.most_common(_MOST_TOLD))
        return Replayed(wanted, len(self._changed), changed, few, tuple(sorted(self._unstable)), dict(self.left_out))


def _cut(place: str) -> str:
    return place[:_LONGEST_PLACE]
