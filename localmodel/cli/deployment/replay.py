"""lmd replay: captured requests, asked again."""

import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localmodel import reasons
from localmodel.cli import completion
from localmodel.cli.project_options import deployment, is_path, wrong_paths
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import ConsoleProgress, Failure, pass_on, say
from localmodel.disk import user_file
from localmodel.errors import UserError
from localmodel.output.printable import one_line
from localmodel.targets import captured_request, http
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.target import DeploymentStatus, Target

if TYPE_CHECKING:
    from localmodel.replay.answer import Answer
    from localmodel.replay.replay import Ask

_FORMS = ["html", "json", "md"]


def _paths(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[Any, ...]:
    from localmodel_untrusted import json_path

    try:
        return tuple(map(json_path.parse_pattern, texts))
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("name", metavar="NAME|PATH", shell_complete=completion.deployments)
@click.option(
    "--against",
    type=click.Choice(["captured", "serving"]),
    default="captured",
    show_default=True,
    help="The answers to compare with: those in FILE, or those of the revision that serves what PATH was applied to.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the report, for its owner alone.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMS),
    help="Form of the report. Default: the ending of --output. Without --output, it goes to standard output.",
)
@click.option("--last", type=click.IntRange(min=1), help="How many requests of FILE, from its end. Default: all.")
@click.option(
    "--tolerance", type=click.FloatRange(min=0), default=0.0, help="How far apart numbers may be. Default: not at all."
)
@click.option(
    "--relative", type=click.FloatRange(min=0), default=0.0, help="The same, as a part of the number before: 0.01."
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    callback=_paths,
    help="Path in the answers that does not count, such as '$.rows[*].time'. Repeatable.",
)
@where_options
def replay(
    file: Path,
    name: str,
    against: str,
    output: Path | None,
    form: str | None,
    last: int | None,
    tolerance: float,
    relative: float,
    ignored: tuple[Any, ...],
    **where: Any,
) -> None:
    """Ask the requests in FILE again, and say which answers change.

    FILE is from lmd capture. A NAME is asked at its address. The script of a PATH is asked in its environment without a
    server, as lmd try does, before it is applied; only requests to /score are.

    One side is asked twice. A place in which its own two answers differ, such as a time or a random id, is named and
    not compared. The exit code is 1 when answers change, or cannot be compared.

    \b
    Examples:
      lmd replay requests.jsonl ./churn -o report.html
      lmd replay requests.jsonl ./churn --against serving --relative 1e-6 --ignore '$.took'
    """
    from localmodel.replay import report
    from localmodel.replay.comparison import Rules
    from localmodel.replay.replay import replay as run
    from localmodel_untrusted.json_difference import Tolerance

    if output is not None and form is None:
        form = output.suffix.removeprefix(".")
        if form not in _FORMS:
            raise click.UsageError(f"{output}: give a name that ends in .html, .json or .md, or --format")
    with file.open("rb") as lines:
        requests = captured_request.of_lines(deque(lines, last), str(file))
    if not requests:
        raise UserError(reasons.NOTHING_CAPTURED, f"{file}: no captured request is in it; lmd capture writes them")
    if against == "serving" and not is_path(name):
        raise click.UsageError("--against serving: give a PATH; NAME is what serves")
    before = _serving(name, where) if against == "serving" else None
    with _asking(name, where) as after, ConsoleProgress().step(f"{len(requests)} requests") as done:
        result = run(requests, before, after, Rules(Tolerance(tolerance, relative), ignored))
        done(f"{len(result.compared)} compared")
    values = report.values(result, "what serves" if before else str(file), name)
    content = report.written(values, form).encode(errors="replace") if form else b""
    if form and output is None:
        pass_on(content)
    else:
        for line in report.summary(values):
            say(line)
    if output is not None:
        with user_file.replacing(output, 0o600) as written:
            written.write(content)
        say(f"report: {output}", err=True)
    if result.changed or result.incomparable:
        raise SystemExit(1)


@contextmanager
def _asking(name: str, where: dict[str, Any]) -> "Iterator[Ask]":
    """What asks the deployment of this name, or the script of this path."""
    if not is_path(name):
        yield _serving(name, where)
        return
    from localmodel.cli.target_option import chosen
    from localmodel.trial import prepare
    from localmodel.trial.worker import ScriptLoadError, TrialWorker, WorkerDiedError

    with tempfile.TemporaryDirectory(prefix="lmd-replay-") as place, wrong_paths():
        wish = prepare.wish(Path(name))
        ready = prepare.prepare(wish, Path(place).resolve() / "0", ConsoleProgress(), lambda: chosen(where))
        with TrialWorker(ready, logs_once=True) as worker:
            try:
                worker.load()
                yield _tried(worker)
            except ScriptLoadError as error:
                raise Failure(f"{error}\n\n{error.traceback}".rstrip()) from None
            except WorkerDiedError as error:
                raise Failure(str(error)) from None


def _tried(worker: Any) -> "Ask":
    from localmodel.replay.answer import Answer

    def ask(request: CapturedRequest) -> "Answer | str":
        if request.dialect != "azure" or request.method != "POST" or request.body is None:
            return "without a server, a script is asked only what was posted to /score"
        started = time.monotonic()
        answer = worker.ask(one_line(request.id), request.body)
        return Answer(answer.status, answer.body, (time.monotonic() - started) * 1000)

    return ask


def _serving(word: str, where: dict[str, Any]) -> "Ask":
    from localmodel.replay.answer import Answer

    target, status = _deployed(word, where)

    def ask(request: CapturedRequest) -> "Answer | str":
        body = request.body if request.method == "POST" else None
        base = target.reach(status).removesuffix("/score")
        query = f"?{request.query}" if request.query else ""
        kind = request.headers.get("content-type") or "application/json"
        answer = http.request(f"{base}{request.path}{query}", body, None, kind)
        return Answer(answer.status, answer.body, answer.seconds * 1000)

    return ask


def _deployed(word: str, where: dict[str, Any]) -> tuple[Target, DeploymentStatus]:
    with wrong_paths():
        target, name = deployment(word, dict(where))
    status = target.get(name)
    if status.serving is None:
        raise Failure(f"{name} is not serving: {status.message}")
    return target, status
