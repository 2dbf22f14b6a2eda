"""lmd plan: what an apply would do."""

from dataclasses import asdict
from pathlib import Path

import click

from localmodel.cli.deployment import script_folder
from localmodel.cli.output import ConsoleProgress, output_option, print_value, say
from localmodel.cli.target_option import target_options
from localmodel.targets.target import Planned, Target

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("path", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("-f", "file", type=_A_FILE, help="File with the manifest.")
@click.option(
    "-k",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with a kustomization.yaml.",
)
@output_option
@target_options
def plan(target: Target, path: Path | None, file: Path | None, folder: Path | None, output: str) -> None:
    """Say what applying a manifest would do, and why.

    The answer is one of nothing, patch, swap, roll or rebuild.
    PATH is a manifest, or a folder with a kustomization.yaml. Nothing is built, and nothing changed: names are looked
    up, requirements are locked, and a cluster is asked for a dry run. The exit code is 0 whatever would be done, and 1
    where the manifest could not be applied.

    \b
    Examples:
      lmd plan -f churn.yaml
      lmd plan -k manifests/churn --target kind
    """
    paths = [argument for argument in (path, file, folder) if argument is not None]
    if len(paths) != 1:
        raise click.UsageError("give one of PATH, -f FILE and -k FOLDER")
    script_folder.refuse_others(paths[0])
    if path is not None and script_folder.is_script(path, None):
        raise click.UsageError(f"{path} is a script, which is kept in the store as it is applied; give a manifest")
    plans = target.plan(paths[0], ConsoleProgress())
    if output != "text":
        print_value([{**asdict(planned), "steps": list(planned.steps)} for planned in plans], output)
        return
    for planned in plans:
        say("\n".join(_lines(planned)))


def _lines(planned: Planned) -> list[str]:
    steps = [f"  {number}. {step}" for number, step in enumerate(planned.steps, 1)]
    return [f"{planned.name}: {planned.lane}: {planned.reason}", *steps]
