"""Asks a revision, or one that is mixed of two, in a process of its own each time."""

import json
from collections.abc import Callable

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.targets import in_order
from localmodel.trial import kept as kept_revisions
from localmodel.trial.kept import Kept
from localmodel.trial.worker import ScriptLoadError, TrialWorker, WorkerDiedError
from localmodel_untrusted import answer_difference
from localmodel_untrusted.answer_difference import Answer, Change, Rules


def _what_failed(error: str) -> bytes:
    """The error in the place of the answer's body, which is the same for all; without its line, which edits move."""
    place, _, text = error.partition(": ")
    return json.dumps(text or place).encode() if error else b""


class Tries:
    """One request, and whoever answers it."""

    def __init__(self, body: bytes, rules: Rules, progress: Progress) -> None:
        self.count = 0
        self._body, self._rules, self._progress = body, rules, progress

    def answer(self, kept: Kept) -> Answer:
        """The answer of a new process.

        Raises:
            UserError: RevisionFailed, if it does not load or dies; PackagesNotInstallable and others.
        """
        self.count += 1
        with in_order.temporary_folder("lmd-bisect-") as folder:
            trial = kept_revisions.trial(kept, folder, self._progress)
            with TrialWorker(trial, unattended=True) as worker:
                try:
                    worker.load()
                    answer = worker.ask("bisect", self._body)
                except (ScriptLoadError, WorkerDiedError) as error:
                    raise UserError(reasons.REVISION_FAILED, str(error)) from None
        return Answer(answer.status, _what_failed(answer.error) or answer.body, 0.0)

    def told(self, what: str, make: Callable[[], Kept], sides: dict[str, Answer]) -> str | None:
        """Which of the sides answers alike, "" if none does, None if it cannot be tried; with a line about it."""
        with self._progress.step(what) as done:
            try:
                answer = self.answer(make())
            except UserError as error:
                done(f"cannot be tried: {str(error).splitlines()[0]}")
                return None
            found = next((name for name, other in sides.items() if self.are_alike(other, answer)), "")
            done(f"answers as {found}" if found else "another answer")
            return found

    def are_alike(self, first: Answer, second: Answer) -> bool:
        """Whether nothing in the answers differs that counts."""
        return not answer_difference.incomparable(first, second) and not self.changes(first, second)

    def changes(self, first: Answer, second: Answer) -> list[Change]:
        """What differs in two answers."""
        return [*answer_difference.changes(first, second, self._rules, ())]

    def unstable(self, answers: list[Answer]) -> list[str]:
        """The places in which the answers of the same differ."""
        first, *others = answers
        places = (answer_difference.unstable(first, other, self._rules) for other in others)
        return sorted({place for fields, more in places for place in fields | more})
