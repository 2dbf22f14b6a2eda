"""lmd gate: the requests that a revision must answer before it serves."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml

from localmodel import reasons
from localmodel.cli import completion
from localmodel.cli.captured import sides
from localmodel.cli.group import Group
from localmodel.cli.project_options import deployment, wrong_paths
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import ConsoleProgress, pass_on, say
from localmodel.disk import user_file
from localmodel.errors import UserError
from localmodel.output.printable import one_line
from localmodel.resource import gate as rules

_MOST = 32


@click.group(cls=Group)
def gate() -> None:
    """Make a gate: requests that a revision must answer as expected before it serves."""


@gate.command()
@click.argument("name", metavar="NAME|PATH", shell_complete=completion.deployments)
@click.option(
    "--last", type=click.IntRange(min=1), default=500, show_default=True, help="How many captured requests to look at."
)
@click.option(
    "--output-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the gate, which is replaced when the gate is made. Default: standard output.",
)
@where_options
def record(name: str, last: int, output_file: Path | None, **where: Any) -> None:
    """Print a gate of requests that the deployment NAME has captured.

    Of the last captured requests it takes few, whose answers differ: one for each status, class and shape, and those
    with the smallest and the largest numbers. What serves is asked them twice, and its answers are what the gate
    expects. A part that differs between the two, such as a time, is not expected.

    \b
    Examples:
      lmd gate record churn --output-file churn/gate.yaml
      lmd gate record ./churn --last 20
    """
    from localmodel.replay import captured as requests
    from localmodel.replay import gate as gates
    from localmodel.replay.spread import Asked, choose
    from localmodel_untrusted.answer_difference import Answer

    with wrong_paths():
        target, called = deployment(name, dict(where))
    ask = sides.serving(name, where)
    captured = target.captured(called, last)
    judged = [(request, gates.unfit(request)) for request in captured]
    left_out = Counter(why for _, why in judged if why)
    fit = [request for request, why in judged if not why]
    if not fit:
        raise _nothing(called, left_out or [f"none has been captured; lmd capture {called} says why"])
    asked = [
        Asked(
            requests.address(request),
            request.body or b"",
            Answer(request.status, request.answer or b"", request.milliseconds),
        )
        for request in fit
    ]
    entries: list[dict[str, Any]] = []
    with ConsoleProgress().step(f"{len(captured)} requests of {called}") as done:
        for request in (fit[index] for index in choose(asked, _MOST)):
            first, second = ask(request), ask(request)
            if isinstance(first, str) or isinstance(second, str):
                left_out[first if isinstance(first, str) else str(second)] += 1
                continue
            entry = gates.entry(request, first, second)
            if entry is None:
                left_out["two answers of the same differ in status"] += 1
                continue
            try:
                rules.of_values([*entries, entry], "gate")
            except UserError:
                left_out["the gate would become too large, or the request is not valid in one"] += 1
            else:
                entries.append(entry)
        done(f"{len(entries)} in the gate")
    if not entries:
        raise _nothing(called, left_out)
    content = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=10_000).encode()
    if output_file is None:
        pass_on(content)
    else:
        user_file.write(output_file, content)
    for why, count in left_out.most_common():
        say(f"{count} left out: {one_line(why)}", err=True)


def _nothing(name: str, why: Iterable[str]) -> UserError:
    return UserError(reasons.NOTHING_CAPTURED, f"{name}: no request for a gate: {next(iter(why))}")
