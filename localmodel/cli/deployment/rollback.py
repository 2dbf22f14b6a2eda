"""lmd rollback: serve an earlier revision again."""

from dataclasses import asdict

import click

from localmodel.cli.deployment.apply import sentence
from localmodel.cli.project_options import deployment_options
from localmodel.cli.seconds import Seconds
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_value, say
from localmodel.targets.target import Target


@click.command()
@click.option("--to", type=click.IntRange(min=1), help="The revision's number. Default: the one that served before.")
@click.option(
    "--timeout",
    type=Seconds(),
    help="Seconds to wait until it serves. Default: the manifest's spec.update.progressDeadlineSeconds, or 300.",
)
@output_option
@deployment_options
def rollback(target: Target, name: str, to: int | None, timeout: float | None, output: str) -> None:
    """Serve an earlier revision of the deployment NAME again.

    The command waits until it serves. The revision stays until something else is applied; applying what was applied
    last changes nothing. Asked for twice, the revision before is back. Where no server runs, it brings back what served
    last. lmd history NAME shows what there is.

    \b
    Examples:
      lmd rollback churn
      lmd rollback churn --to 3
    """
    deployment = target.rollback(name, to, timeout, ConsoleProgress())
    if output != "text":
        print_value(asdict(deployment), output)
        return
    say(sentence(deployment))
