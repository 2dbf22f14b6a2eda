"""lmd apply: make a manifest, or a script with its models, serve."""

import contextlib
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from localmodel.cli import folder_words
from localmodel.cli.deployment import next_step
from localmodel.cli.project_options import project_options
from localmodel.cli.seconds import Seconds
from localmodel.cli.target_option import where_options
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_value, say
from localmodel.errors import UserError
from localmodel.targets.target import DeploymentStatus, Target

if TYPE_CHECKING:
    from localmodel.project.project import Project


@click.command()
@project_options
@click.option(
    "--timeout",
    type=Seconds(),
    help="Seconds to wait until it serves. Default: the manifest's spec.update.progressDeadlineSeconds, or 300.",
)
@output_option
@where_options
def apply(target: Target, project: "Project", timeout: float | None, output: str) -> None:
    """Serve what a manifest or a script describes, and wait for it.

    PATH is a manifest, a folder with a kustomization.yaml, or a folder with a script; its lmd.toml and the options say
    what the script is deployed with. PATH may also be a script: its source is then the modules of its folder, and not
    every file. PATH may be a model without a script: its file or folder, its address in MLflow (models:/churn/3), or
    its name in the store (churn:3). The name of a deployment stands for the path that it was applied from. Applied
    again, what is not named stays as it was.

    What serves already goes on serving until the new revision answers. When the new one fails, the command says why,
    the old one stays, and the exit code is 1.

    The newest command wins: one that still waits for its revision to load gives way to it, and ends with exit code 3.

    \b
    Examples:
      lmd apply ./churn --model churn/model.pkl
      lmd apply model.onnx
      lmd apply models:/churn@champion
      lmd apply -k manifests/churn --target kind
    """
    try:
        deployments = project.apply(target, timeout, folder_words.progress(project, ConsoleProgress()))
    except UserError as error:
        raise _with_traceback(folder_words.error(project, error), target, project) from None
    if output != "text":
        print_value([asdict(deployment) for deployment in deployments], output)
        return
    for deployment in deployments:
        say(sentence(deployment))
        if deployment.serving is not None:
            next_step.tell(partial(_next_step, target, deployment, project.place.path))


def _next_step(target: Target, deployment: DeploymentStatus, path: Path) -> str:
    with contextlib.suppress(UserError):  # without a way there, it has no example
        deployment = replace(deployment, url=target.reach(deployment))
    return next_step.invoke(deployment, target.name, path)


def _with_traceback(error: UserError, target: Target, project: "Project") -> UserError:
    from localmodel.sdk.deployment import with_traceback  # only where something has gone wrong

    try:
        name = project.name
    except UserError:  # kubectl reads kustomizations that lmd does not
        return error
    return with_traceback(error, target, name)


def sentence(deployment: DeploymentStatus) -> str:
    """What serves now, and where."""
    if deployment.serving is None:
        return f"{deployment.name}: not serving: {deployment.why}"
    return f"{deployment.name}: revision {deployment.serving} serves at {deployment.url}"
