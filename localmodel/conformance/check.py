"""One check, and what came of it."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from localmodel.conformance.sample import Sample
from localmodel.conformance.server import Server, WrongAnswerError


class Subject(NamedTuple):
    """What is examined: a server, the model in it, and made-up values for that."""

    server: Server
    model: str
    sample: Sample


class Check(NamedTuple):
    """A check by its name; run gives a remark, mostly empty, or raises WrongAnswerError."""

    name: str
    run: Callable[[Subject], str]


class CheckResult(NamedTuple):
    """What a check has found; remark says what is wrong, or what to know of a check that went well."""

    name: str
    ok: bool
    remark: str


def examine(subject: Subject, checks: Iterable[Check]) -> Iterator[CheckResult]:
    """Run the checks one after the other."""
    for check in checks:
        try:
            yield CheckResult(check.name, True, check.run(subject))
        except WrongAnswerError as wrong:
            yield CheckResult(check.name, False, str(wrong))
