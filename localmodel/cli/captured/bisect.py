"""lmd bisect: which edit, and which part of it, changed an answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localmodel import reasons
from localmodel.cli import body
from localmodel.cli.captured.rules import comparing
from localmodel.cli.deployment import own_request
from localmodel.cli.project_options import deployment_options
from localmodel.cli.terminal.output import ConsoleProgress, Failure, output_option, print_value, say
from localmodel.errors import UserError
from localmodel.targets.target import PastRevision, Target

if TYPE_CHECKING:
    from localmodel.bisect.bisect import Found
    from localmodel_untrusted.answer_difference import Rules

_MOST_CHANGES = 10


class Flaky(Failure):
    """Equal runs answer differently: exit code 4."""

    exit_code = 4


@click.command()
@body.data_option
@body.request_option
@click.option("--good", type=click.IntRange(min=1), help="The earlier revision. Default: the oldest that is kept.")
@click.option("--bad", type=click.IntRange(min=1), help="The later revision. Default: the one that serves.")
@comparing()
@output_option
@deployment_options
def bisect(
    target: Target,
    name: str,
    data: str | None,
    request: Path | None,
    good: int | None,
    bad: int | None,
    rules: "Rules",
    output: str,
) -> None:
    """Find the edit of the deployment NAME that changed an answer, and the part of it.

    The kept revisions between --good and --bad are asked, each in a process of its own on this machine, until two
    neighbours are found that answer differently. Then parts of the second one are put into the first one: Python,
    packages, code, each model and each setting, until few are left that make the second one's answer. What serves is
    not asked, and nothing is changed. Without --data and --request it is the sample request, as of lmd invoke.

    The exit code is 1 when both ends answer alike or no part is found, and 4 when equal runs of a revision answer
    differently; --ignore leaves such a place out.

    \b
    Examples:
      lmd bisect churn --request r.json
      lmd bisect churn --request r.json --good 3 --bad 7 --relative 1e-6
    """
    from localmodel.bisect.bisect import Bisection, FlakyError
    from localmodel.bisect.tries import Tries
    from localmodel.replay import report
    from localmodel.trial import past

    given = own_request.given_or_own(target, name, data, request)
    bodies = body.requests(*given, None, lambda: _example(target, name))
    if len(bodies) > 1:
        raise click.UsageError("--request: give a file with one request")
    numbers = _between(target, name, good, bad)
    progress = ConsoleProgress()
    tries = Tries(bodies[0][0], rules, progress)
    try:
        found = Bisection(lambda number: past.of(target, name, number), tries, progress).run(numbers)
    except FlakyError as error:
        raise Flaky(f"{error}; --ignore leaves a place out") from None
    if output != "text":
        print_value(report.plain(_values(found, numbers, tries.count)), output)
    else:
        for line in _lines(found, numbers):
            say(line)
    if found is None or not found.parts:
        raise SystemExit(1)


def _example(target: Target, name: str) -> object:
    """A body of the deployment's schema; None without one, and while nothing serves."""
    deployment = target.get(name)
    return None if deployment.serving is None else body.example(target.reach(deployment))


def _between(target: Target, name: str, good: int | None, bad: int | None) -> list[int]:
    """The numbers of the revisions from --good to --bad, without those in between that have failed."""
    revisions = {past.revision: past for past in reversed(target.history(name))}
    sound = [number for number, past in revisions.items() if not past.failed]
    serving = [number for number, past in revisions.items() if past.serving]
    ends = _end(revisions, "--good", good, sound[:1], name), _end(revisions, "--bad", bad, serving or sound[-1:], name)
    if ends[0] >= ends[1]:
        raise UserError(
            reasons.REVISION_NOT_FOUND,
            f"{name}: --good {ends[0]} does not come before --bad {ends[1]}; lmd history {name} has what is kept",
        )
    return [number for number in revisions if number in ends or (ends[0] < number < ends[1] and number in sound)]


def _end(revisions: dict[int, PastRevision], option: str, wanted: int | None, otherwise: list[int], name: str) -> int:
    if wanted is None and otherwise:
        return otherwise[0]
    if wanted is None or wanted not in revisions:
        kept = ", ".join(map(str, revisions)) or "none"
        which = f"revision {wanted} is not kept" if wanted else "no revision has served"
        raise UserError(reasons.REVISION_NOT_FOUND, f"{option}: {name}: {which} (kept: {kept})")
    return wanted


def _values(found: "Found | None", numbers: list[int], tried: int) -> dict[str, Any]:
    values: dict[str, Any] = {"good": numbers[0], "bad": numbers[-1], "tried": tried, "alike": found is None}
    if found is None:
        return values
    changes = [{"at": one.path, "kind": one.kind, "before": one.before, "after": one.after} for one in found.changes]
    return values | {
        "before": found.before,
        "after": found.after,
        "parts": [{"part": part.name, "change": part.change} for part in found.parts],
        "changes": changes,
        "not_comparable": found.incomparable,
        "not_exchanged": [*found.untried],
    }


def _lines(found: "Found | None", numbers: list[int]) -> Iterator[str]:
    if found is None:
        yield f"revisions {numbers[0]} and {numbers[-1]} answer alike"
        return
    yield f"revision {found.after} answers otherwise than revision {found.before}:"
    if found.incomparable:
        yield f"  {found.incomparable}"
    for change in found.changes[:_MOST_CHANGES]:
        yield f"  {change.path}: {change.text('before')} -> {change.text('after')}"
    if (more := len(found.changes) - _MOST_CHANGES) > 0:
        yield f"  and {more} more"
    yield from _named(found)


def _named(found: "Found") -> Iterator[str]:
    if not found.parts:
        yield f"no part of revision {found.after} makes its answer in revision {found.before}"
        if found.untried:
            yield f"these differ, too, but cannot be exchanged on this machine: {', '.join(found.untried)}"
    elif len(found.parts) == 1:
        yield f"{found.parts[0].name} is why: {found.parts[0].change}"
    else:
        yield f"{' and '.join(part.name for part in found.parts)} are why, together; fewer of them give another answer:"
        for part in found.parts:
            yield f"  {part.name}: {part.change}"
