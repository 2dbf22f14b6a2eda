"""A check and its result."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from localmodel.conformance.sample import Sample
from localmodel.conformance.server import Server, WrongAnswerError


class Subject(NamedTuple):
    """What is checked: a server, a model in it, and made-up values for the model."""

    server: Server
    model: str
    sample: Sample


class Check(NamedTuple):
    """A named check. `run` returns a remark, usually empty, or raises `WrongAnswerError`."""

    name: str
    run: Callable[[Subject], str]


class CheckResult(NamedTuple):
    """The result of a check. `remark` says what is wrong, or what to know about a check that passed."""

    name: str
    ok: bool
    remark: str


def examine(subject: Subject, checks: Iterable[Check]) -> Iterator[CheckResult]:
    """Run the checks in order."""
    for check in checks:
        try:
            yield CheckResult(check.name, True, check.run(subject))
        except WrongAnswerError as wrong:
            yield CheckResult(check.name, False, str(wrong))
