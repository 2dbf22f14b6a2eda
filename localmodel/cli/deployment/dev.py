"""lmd dev: update a deployment at each save."""

import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path

import click

from localmodel.cli.deployment import script_folder
from localmodel.cli.output import say
from localmodel.cli.target_option import target_options
from localmodel.dev import inputs
from localmodel.dev.inputs import Inputs
from localmodel.errors import UserError
from localmodel.progress import Progress
from localmodel.resource import manifest
from localmodel.targets.target import DeploymentStatus, Target

_REQUEST = "request.json"


@dataclass(frozen=True)
class Manifest:
    """A manifest file, or a folder with a kustomization, as a `dev.session.Source`."""

    target: Target
    path: Path
    timeout: float | None

    def inputs(self) -> Inputs:
        return inputs.of_manifest(self.path)

    def names(self) -> list[str]:
        try:
            return [str(manifest.read(self.path).deployment["metadata"]["name"])]
        except UserError:
            return []

    def apply(self, progress: Progress) -> list[DeploymentStatus]:
        return self.target.apply(self.path, self.timeout, progress)


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--request",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the body of a sample request, sent after each update. Default: request.json beside the manifest.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds to wait until an update serves. Default: the manifest's spec.update.progressDeadlineSeconds, or 300.",
)
@target_options
def dev(target: Target, path: Path, request: Path | None, timeout: float | None) -> None:
    """Update a deployment at each save of its files, until Ctrl-C.

    PATH is a manifest, or a folder with a kustomization.yaml: the files that it names are watched. Each update says
    how long its steps took, and how the answer to the sample request has changed. When it fails, it says why, with the
    script's traceback; what served goes on serving, and the next save is tried. A save takes the place of one that
    still loads.

    \b
    Examples:
      lmd dev manifests/churn
      lmd dev churn.yaml --request request.json
    """
    script_folder.refuse_others(path)
    if script_folder.is_script(path, None):
        raise click.UsageError(f"{path} is a script; lmd dev takes a manifest, or a folder with a kustomization.yaml")
    from localmodel.dev.screen import Terminal  # here, because `--help` does not need what these import
    from localmodel.dev.session import Session

    folder = path if path.is_dir() else path.parent
    screen = Terminal()
    session = Session(target, Manifest(target, path, timeout), request or folder / _REQUEST, screen)
    # Closing the terminal, or kill, is a Ctrl-C as well.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        session.run()
    screen.busy(None)
    for text in session.end():
        say(f"no longer watching; {text}")
