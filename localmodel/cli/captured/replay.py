"""lmd replay: captured requests, asked again."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localmodel.cli import completion
from localmodel.cli.captured import sides
from localmodel.cli.captured.rules import comparing
from localmodel.cli.project_options import is_path
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import ConsoleProgress, pass_on, say
from localmodel.disk import user_file

if TYPE_CHECKING:
    from localmodel_untrusted.answer_difference import Rules

_FORMS = ["html", "json", "md"]


def _against(context: click.Context, parameter: click.Parameter, word: str | None) -> str | int | Path | None:
    if word is None or word == "serving":
        return word
    if word.isdecimal():
        return int(word)
    if Path(word).is_file():
        return Path(word)
    why = f"{word}: no such file; give the number of a revision, serving, or a file from lmd capture"
    raise click.BadParameter(why, context, parameter)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("name", metavar="NAME|PATH", shell_complete=completion.deployments)
@click.option(
    "--against",
    metavar="REVISION|serving|CAPTURE",
    callback=_against,
    help="The answers to compare with: of a revision that is kept, of what serves, or in another file, by request id. "
    "Default: those in FILE.",
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
@comparing()
@where_options
def replay(
    file: Path,
    name: str,
    against: str | int | Path | None,
    output: Path | None,
    form: str | None,
    last: int | None,
    rules: "Rules",
    **where: Any,
) -> None:
    """Ask the requests in FILE again, and say which answers change.

    FILE is from lmd capture. A NAME is asked at its address. The script of a PATH is asked in its environment without a
    server, as lmd try does, before it is applied; only JSON that was posted to /score without parameters is.

    One side is asked twice. A place in which its own two answers differ, such as a time or a random id, is named and
    not compared. The exit code is 1 when answers change, or cannot be compared, or none was compared.

    \b
    Examples:
      lmd replay requests.jsonl ./churn -o report.html
      lmd replay requests.jsonl ./churn --against serving --relative 1e-6 --ignore '$.took'
      lmd replay requests.jsonl churn --against 2
    """
    from localmodel.replay import report
    from localmodel.replay.replay import replay as run
    from localmodel.replay.replay import with_answers_of

    if output is not None and form is None:
        form = output.suffix.removeprefix(".")
        if form not in _FORMS:
            raise click.UsageError(f"{output}: give a name that ends in .html, .json or .md, or --format")
    if against == "serving" and not is_path(name):
        raise click.UsageError("--against serving: give a PATH; NAME is what serves")
    requests, before_name = sides.read(file, last), str(file)
    with ExitStack() as opened:
        before = None
        if isinstance(against, Path):
            requests, before_name = with_answers_of(requests, sides.read(against), str(against)), str(against)
        elif isinstance(against, int):
            before, before_name = (
                opened.enter_context(sides.revision(name, against, where)),
                f"revision {against}",
            )
        elif against:
            before, before_name = sides.serving(name, where), "what serves"
        after = opened.enter_context(sides.asking(name, where))
        done = opened.enter_context(ConsoleProgress().step(f"{len(requests)} requests"))
        result = run(requests, before, after, rules)
        done(f"{len(result.compared)} compared")
    values = report.values(result, before_name, name)
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
    if result.changed or result.incomparable or not result.compared:
        raise SystemExit(1)
