"""lmd promote and lmd abort: what becomes of a revision that is tried on clients' requests."""

from dataclasses import asdict

import click

from localmodel.cli.deployment.apply import sentence
from localmodel.cli.project_options import deployment_options
from localmodel.cli.seconds import Seconds
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_value, say
from localmodel.targets.target import DeploymentStatus, Target

_DEFAULT = "Default: the manifest's spec.update.progressDeadlineSeconds, or 300."


@click.command()
@click.option("--timeout", type=Seconds(), help=f"Seconds to wait until it serves. {_DEFAULT}")
@output_option
@deployment_options
def promote(target: Target, name: str, timeout: float | None, output: str) -> None:
    """Let the new revision of NAME, which is tried on a share of the requests, serve.

    It is the one that spec.update.canary or spec.update.shadow holds back. The remaining steps are skipped. The
    command waits until it serves.

    \b
    Examples:
      lmd promote churn --target kind
    """
    _tell(target.promote(name, timeout, ConsoleProgress()), output)


@click.command()
@click.option("--timeout", type=Seconds(), help=f"Seconds to wait until it is given up. {_DEFAULT}")
@output_option
@deployment_options
def abort(target: Target, name: str, timeout: float | None, output: str) -> None:
    """Give up the new revision of NAME, which is tried on a share of the requests.

    The revision that serves goes on, for all requests. The manifest stays as it is: the next edit starts another trial.

    \b
    Examples:
      lmd abort churn --target kind
    """
    _tell(target.abort(name, timeout, ConsoleProgress()), output)


def _tell(deployment: DeploymentStatus, output: str) -> None:
    if output != "text":
        print_value(asdict(deployment), output)
        return
    say(sentence(deployment))
