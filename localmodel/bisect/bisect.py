"""Finds the first revision that answers otherwise, and the part of it that is why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from localmodel.bisect import packages, parts, search
from localmodel.bisect.parts import PACKAGES, Part
from localmodel.bisect.tries import Tries
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.trial import kept as kept_revisions
from localmodel.trial.kept import Kept
from localmodel_untrusted import answer_difference
from localmodel_untrusted.answer_difference import Answer, Change

_TIMES = 3


class FlakyError(Exception):
    """Equal runs of a revision answer differently; the text names it and the places."""


@dataclass(frozen=True)
class Found:
    """The revisions between which the answer changes, and the parts that change it together.

    Attributes:
        before, after: the numbers of the two revisions.
        parts: those that make the answer of the second one, if they are put into the first one; none of them can be
            left out. None, if what differs is nothing that a process of this machine can exchange.
        changes: what is different in the answer.
        incomparable: why the answers have nothing in common that could be compared; "" if they have.
        untried: what differs, too, and cannot be exchanged.
    """

    before: int
    after: int
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]
    incomparable: str
    untried: tuple[str, ...]


class Bisection:
    """The search through the revisions of one deployment; `revision` gives what is kept of a number."""

    def __init__(self, revision: Callable[[int], Kept], tries: Tries, progress: Progress) -> None:
        self._revision, self._tries, self._progress = revision, tries, progress
        self._answers: dict[int, Answer] = {}

    def run(self, numbers: Sequence[int]) -> Found | None:
        """What changed the answer between the first number and the last; None if both answer alike.

        Raises:
            FlakyError
            UserError: an end cannot be tried.
        """
        good, bad = numbers[0], numbers[-1]
        for end in (good, bad):
            self._answers[end] = self._stable(end)
        if self._tries.are_alike(self._answers[good], self._answers[bad]):
            return None
        before, after = search.first(numbers, self._is_other_than(good))
        for neighbour in {before, after} - {good, bad}:
            self._answers[neighbour] = self._stable(neighbour)
        return self._part(before, after)

    def _stable(self, number: int) -> Answer:
        """The revision's answer, if it is the same each time."""
        kept = self._revision(number)
        with self._progress.step(f"revision {number}, {_TIMES} times") as done:
            try:
                answers = [self._tries.answer(kept) for _ in range(_TIMES)]
            except UserError as error:
                raise UserError(error.reason, f"revision {number}: {error}") from None
            if places := self._tries.unstable(answers):
                raise FlakyError(f"answers of revision {number} differ between equal runs: path {', '.join(places)}")
            done(f"status {answers[0].status}")
        return answers[0]

    def _is_other_than(self, good: int) -> Callable[[int], bool | None]:
        def is_other(number: int) -> bool | None:
            with self._progress.step(f"revision {number}") as done:
                try:
                    answer = self._answers[number] = self._tries.answer(self._revision(number))
                except UserError as error:
                    done(f"cannot be tried: {str(error).splitlines()[0]}")
                    return None
                other = not self._tries.are_alike(self._answers[good], answer)
                done("another answer" if other else f"answers as revision {good}")
                return other

        return is_other

    def _part(self, good: int, bad: int) -> Found:
        before, after = self._revision(good), self._revision(bad)
        old, new = self._answers[good], self._answers[bad]
        differing = {part.name: part for part in parts.differing(before, after)}
        makes_it = self._makes(before, differing, good, bad)
        # A number in the answer, for instance, that is the revision's own, is in no part.
        chosen = [*search.smallest([*differing], makes_it)] if differing and makes_it(frozenset(differing)) else []
        if PACKAGES in chosen:
            others = frozenset(chosen) - {PACKAGES}
            groups = {part.name: part for part in self._package_parts(before, after)}
            differing |= groups
            makes_it = self._makes(before, differing, good, bad)
            chosen = [*others, *search.smallest([*groups], lambda some: makes_it(others | some))]
        return Found(
            good,
            bad,
            tuple(differing[name] for name in differing if name in chosen),
            tuple(self._tries.changes(old, new)),
            answer_difference.incomparable(old, new),
            tuple(name for name in before.others if before.others[name] != after.others[name]),
        )

    def _makes(
        self, before: Kept, differing: dict[str, Part], good: int, bad: int
    ) -> Callable[[frozenset[str]], bool | None]:
        sides = {f"revision {number}": self._answers[number] for number in (bad, good)}

        def makes(chosen: frozenset[str]) -> bool | None:
            names = ", ".join(name for name in differing if name in chosen)
            found = self._tries.told(
                f"revision {good} with {names} of {bad}", lambda: parts.mixed(before, differing, chosen), sides
            )
            return None if found is None else found == f"revision {bad}"

        return makes

    def _package_parts(self, before: Kept, after: Kept) -> list[Part]:
        """The packages that differ, in groups that can be exchanged."""
        changed = parts.changed_packages(before.lock, after.lock)
        own, other = (packages.installed(kept_revisions.interpreter(kept, self._progress)) for kept in (before, after))
        groups = packages.closed_groups(changed, own, other, (before.python, after.python))
        return [parts.package_part(before, after, names) for names in groups]
