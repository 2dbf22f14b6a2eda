"""lmd plan: what an apply would do."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localmodel.cli import folder_words
from localmodel.cli.captured import sides
from localmodel.cli.captured.rules import comparing
from localmodel.cli.project_options import project_options
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_value, say
from localmodel.errors import UserError
from localmodel.targets.target import Planned, Target

if TYPE_CHECKING:
    from localmodel.project.project import Project
    from localmodel_untrusted.answer_difference import Rules


@click.command()
@project_options
@click.option(
    "--replay",
    "captured",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File from lmd capture: say which answers change, as lmd replay does. Builds the environment if needed.",
)
@comparing("--replay", "captured")
@output_option
@where_options
def plan(target: Target, project: "Project", captured: Path | None, rules: "Rules", output: str) -> None:
    """Say what applying a PATH would do, and why.

    The answer is one of nothing, patch, swap, roll or rebuild.
    PATH and options are those of lmd apply. Nothing is built, registered or changed: names are looked up, requirements
    are locked, and a cluster is asked for a dry run. With --replay the script is tried on this machine, too, in its
    environment. The exit code is 0 whatever would be done, and 1 where it could not be applied.

    \b
    Examples:
      lmd plan ./churn
      lmd plan -k manifests/churn --target kind
      lmd plan ./churn --replay requests.jsonl --relative 1e-6
    """
    try:
        plans = project.plan(target, folder_words.progress(project, ConsoleProgress()))
    except UserError as error:
        raise folder_words.error(project, error) from None
    changes = _replayed(captured, rules, project, target) if captured else {}
    if output != "text":
        from localmodel.replay import report

        replayed = {"replay": report.plain(changes)} if captured else {}
        print_value([{**asdict(planned), "steps": list(planned.steps), **replayed} for planned in plans], output)
        return
    for planned in plans:
        text = "\n".join(_lines(planned))
        say(text if project.place.is_manifest else folder_words.in_words(text))
    if captured:
        from localmodel.replay import report

        for line in report.summary(changes):
            say(line)


def _replayed(captured: Path, rules: "Rules", project: "Project", target: Target) -> dict[str, Any]:
    """The report on the captured requests, asked of what would be applied."""
    from localmodel.replay import report
    from localmodel.replay.replay import replay

    requests = sides.read(captured)
    with sides.project(project, target) as ask, ConsoleProgress().step(f"{len(requests)} requests") as done:
        result = replay(requests, None, ask, rules)
        done(f"{len(result.compared)} compared")
    return report.values(result, str(captured), str(project.place.path))


def _lines(planned: Planned) -> list[str]:
    steps = [f"  {number}. {step}" for number, step in enumerate(planned.steps, 1)]
    return [f"{planned.name}: {planned.lane}: {planned.reason}", *steps]
