"""Asks captured requests again, and says which answers differ."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import IO

from localmodel.replay import captured
from localmodel.replay.fields import Fields
from localmodel.targets.captured_request import CapturedRequest
from localmodel_untrusted import answer_difference
from localmodel_untrusted.answer_difference import Answer, Change, Rules

# Of answers whose changes are kept, and of the changes of one of them; of the others, they are counted.
MOST_LISTED = 100
# Asks a request; a text says why it cannot be asked.
Ask = Callable[[CapturedRequest], Answer | str]


@dataclass(frozen=True)
class Compared:
    """A request whose answers before and after it were compared.

    Attributes:
        number: its place among the requests, from 1 on.
        before, after: how many milliseconds the answers took.
        is_changed: whether the answer has changed.
        changes: some of the changes, for the first answers that have any.
        incomparable: why the two cannot be compared; "" if they can.
    """

    number: int
    request: CapturedRequest
    before: float
    after: float
    is_changed: bool
    changes: tuple[Change, ...]
    incomparable: str


@dataclass
class Replay:
    """What came of all requests.

    Attributes:
        compared: those with two answers.
        not_sent: how often requests could not be asked, by why.
        unstable: fields in which the answers of one side differ from themselves; they are compared in no answer.
        fields: what has changed in each place.
    """

    compared: list[Compared] = field(default_factory=list)
    not_sent: Counter[str] = field(default_factory=Counter)
    unstable: set[str] = field(default_factory=set)
    fields: Fields = field(default_factory=Fields)

    @property
    def changed(self) -> list[Compared]:
        """The requests whose answers have changed."""
        return [one for one in self.compared if one.is_changed]

    @property
    def incomparable(self) -> list[Compared]:
        """The requests whose answers cannot be compared."""
        return [one for one in self.compared if one.incomparable]


def replay(requests: Sequence[CapturedRequest], before: Ask | None, after: Ask, rules: Rules) -> Replay:
    """Compare the answers of two sides, of which the first is asked twice.

    `before` is None for the answers that were captured. Then it is the second side that is asked twice.
    """
    with tempfile.TemporaryFile() as file:
        return _compared(requests, before, after, rules, _Kept(file))


def _compared(
    requests: Sequence[CapturedRequest], before: Ask | None, after: Ask, rules: Rules, kept: "_Kept"
) -> Replay:
    """Ask all requests first, because what is unstable in one answer is compared in none."""
    result = Replay()
    asked: list[tuple[int, CapturedRequest, set[str]]] = []
    for number, request in enumerate(requests, 1):
        answers = _asked(request, before, after)
        if isinstance(answers, str):
            result.not_sent[answers] += 1
            continue
        first, second, again = answers
        fields, more = answer_difference.unstable(first if before else second, again, rules)
        result.unstable |= fields
        kept.put(first, second)
        asked.append((number, request, more))
    listed = 0
    for (number, request, more), (first, second) in zip(asked, kept, strict=True):
        incomparable = answer_difference.incomparable(first, second)
        if more and not incomparable:
            incomparable = f"two answers of the same differ in {', '.join(sorted(more))}"
        changes: list[Change] = []
        if not incomparable:
            changes = [*answer_difference.changes(first, second, rules, result.unstable)]
            result.fields.add(number, request.id, changes)
        told = tuple(changes[:MOST_LISTED]) if listed < MOST_LISTED else ()
        listed += bool(changes)
        times = first.milliseconds, second.milliseconds
        result.compared.append(Compared(number, request, *times, bool(changes), told, incomparable))
    return result


class _Kept:
    """Pairs of answers, in a file: all of them may be more than fits in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._answers: list[tuple[int, int, float]] = []

    def put(self, *answers: Answer) -> None:
        """Keep answers behind those that are there."""
        for answer in answers:
            self._file.write(answer.body)
            self._answers.append((answer.status, len(answer.body), answer.milliseconds))

    def __iter__(self) -> Iterator[tuple[Answer, Answer]]:
        """The answers, two by two."""
        self._file.seek(0)
        answers = (Answer(status, self._file.read(size), took) for status, size, took in self._answers)
        return zip(answers, answers, strict=True)


def with_answers_of(
    requests: Sequence[CapturedRequest], others: Sequence[CapturedRequest], place: str
) -> list[CapturedRequest]:
    """The requests with the answers that other ones of the same ids have got; `place` is where these are."""
    counts = Counter(other.id for other in others)
    by_id = {other.id: other for other in others if counts[other.id] == 1}
    missing = {"answer": f"not one request with its id is in {place}"}
    result = []
    for request in requests:
        other = by_id.get(request.id) or replace(request, answer=None, left_out=missing)
        why = other.left_out.get("answer", "spec.capture.answers was false")
        left_out = {**request.left_out, "answer": why}
        result.append(
            replace(
                request,
                status=other.status,
                answer=other.answer,
                milliseconds=other.milliseconds,
                left_out=left_out,
            )
        )
    return result


def _asked(request: CapturedRequest, before: Ask | None, after: Ask) -> tuple[Answer, Answer, Answer] | str:
    """The answers before and after, and that of the side that is asked twice."""
    if request.body is None:
        return f"it is without a body: {request.left_out.get('body', 'none was kept')}"
    first = _captured(request) if before is None else before(request)
    if isinstance(first, str):
        return first
    second = after(request)
    if isinstance(second, str):
        return second
    again = (before or after)(request)
    return again if isinstance(again, str) else (first, second, again)


def _captured(request: CapturedRequest) -> Answer | str:
    """The answer that was captured, if it can be compared with another's."""
    if request.answer is None:
        return f"its answer was not kept: {request.left_out.get('answer', 'spec.capture.answers is false')}"
    if request.status == 499:
        return "the client had left before it was answered"
    if captured.is_redacted(request):
        return "its values are redacted: ask both sides, with --against serving"
    return Answer(request.status, request.answer, request.milliseconds)
