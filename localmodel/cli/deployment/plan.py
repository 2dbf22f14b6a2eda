"""lmd plan: what an apply would do."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from localmodel.cli import folder_words
from localmodel.cli.project_options import project_options
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_value, say
from localmodel.errors import UserError
from localmodel.targets.target import Planned, Target

if TYPE_CHECKING:
    from localmodel.project.project import Project


@click.command()
@project_options
@output_option
@where_options
def plan(target: Target, project: "Project", output: str) -> None:
    """Say what applying a PATH would do, and why.

    The answer is one of nothing, patch, swap, roll or rebuild.
    PATH and options are those of lmd apply. Nothing is built, registered or changed: names are looked up, requirements
    are locked, and a cluster is asked for a dry run. The exit code is 0 whatever would be done, and 1 where it could
    not be applied.

    \b
    Examples:
      lmd plan ./churn
      lmd plan -k manifests/churn --target kind
    """
    try:
        plans = project.plan(target, folder_words.progress(project, ConsoleProgress()))
    except UserError as error:
        raise folder_words.error(project, error) from None
    if output != "text":
        print_value([{**asdict(planned), "steps": list(planned.steps)} for planned in plans], output)
        return
    for planned in plans:
        text = "\n".join(_lines(planned))
        say(text if project.place.is_manifest else folder_words.in_words(text))


def _lines(planned: Planned) -> list[str]:
    steps = [f"  {number}. {step}" for number, step in enumerate(planned.steps, 1)]
    return [f"{planned.name}: {planned.lane}: {planned.reason}", *steps]
