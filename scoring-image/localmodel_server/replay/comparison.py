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
_MOST_KINDS = 1000  # of answers that differ, by their places


class Comparison:
    """The answers to one request after another, of which only the places that differ are kept."""

    def __init__(self, rules: Rules) -> None:
        self.left_out = Counter[str]()
        self._rules = rules
        self._unstable: set[str] = set()
        self._same = 0
        self._changed = Counter[frozenset[str]]()  # by the places in which an answer differs

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
            self._changed[frozenset({"$"})] += 1
        else:
            differing = islice(changes(first, new, self._rules, ()), _MOST_PLACES)
            places = frozenset(_cut(change.place) for change in differing)
            if not places:
                self._same += 1
            elif places in self._changed or len(self._changed) < _MOST_KINDS:
                self._changed[places] += 1
            else:
                self._changed[frozenset({"$"})] += 1

    def add_same(self) -> None:
        """Count an answer that is the same, byte for byte."""
        self._same += 1

    def differs(self, first: Answer, new: Answer) -> bool:
        """Whether the new answer differs in more than what is known to differ from itself."""
        if incomparable(first, new):
            return True
        return any(True for _ in changes(first, new, self._rules, self._unstable))

    def result(self, wanted: int) -> Replayed:
        """What came of all of them."""
        fields = Counter[str]()
        changed = 0
        # Copies: another thread may add an answer.
        kinds, unstable = list(self._changed.items()), set(self._unstable)
        for places, count in kinds:
            counted = [place for place in places if not is_within(place, unstable)]
            changed += count if counted else 0
            fields.update(dict.fromkeys(counted, count))
        few = dict(fields.most_common(_MOST_TOLD))
        compared = self._same + sum(count for _, count in kinds)
        return Replayed(wanted, compared, changed, few, tuple(sorted(unstable)), dict(self.left_out))


def _cut(place: str) -> str:
    return place[:_LONGEST_PLACE]
