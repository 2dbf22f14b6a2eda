"""lmd apply: make a manifest serve."""

from pathlib import Path

import click

from localmodel.cli.output import ConsoleProgress
from localmodel.cli.target_option import target_options
from localmodel.targets.target import Target


@click.command()
@click.option(
    "-f", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the manifest."
)
@click.option(
    "-k",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with a kustomization.yaml.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds to wait until it serves. Default: the manifest's spec.update.progressDeadlineSeconds.",
)
@target_options
def apply(target: Target, file: Path | None, folder: Path | None, timeout: float | None) -> None:
    """Make what a manifest asks for serve, and wait until it does.

    What serves already goes on serving until the new revision answers. When the new one fails, the command says why,
    the old one stays, and the exit code is 1.
    """
    path = file or folder
    if path is None or (file and folder):
        raise click.UsageError("give one of -f FILE and -k FOLDER")
    for deployment in target.apply(path, timeout, ConsoleProgress()):
        if deployment.serving is None:
            click.echo(f"{deployment.name}: not serving: {deployment.message}")
        else:
            click.echo(f"{deployment.name}: revision {deployment.serving} serves at {deployment.url}")
