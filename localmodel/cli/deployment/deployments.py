"""lmd status, wait, logs, reload, delete: commands on existing deployments."""

from dataclasses import asdict, replace
from typing import Any

import click

from localmodel.cli import completion, folder_words
from localmodel.cli.deployment.apply import sentence
from localmodel.cli.folder_words import FolderProgress
from localmodel.cli.project_options import deployment, deployment_options, wrong_paths
from localmodel.cli.seconds import Seconds
from localmodel.cli.target_option import all_namespaces_option, chosen, where_options
from localmodel.cli.terminal import human, style
from localmodel.cli.terminal.output import ConsoleProgress, output_option, pass_on, print_table, print_value, say
from localmodel.disk import size, state_file
from localmodel.target_table import on_cluster
from localmodel.targets import figures
from localmodel.targets.figures import Figures
from localmodel.targets.target import DeploymentStatus, Target

_TIMEOUT = Seconds()


@click.command()
@click.argument("name", metavar="[NAME|PATH]", required=False, shell_complete=completion.deployments)
@output_option
@all_namespaces_option
@where_options
def status(name: str | None, output: str, **where: Any) -> None:
    """Show every deployment, or the one with this NAME, or that was applied from this PATH.

    The exit code is 1 when that one is not ready.
    It is 1, too, when what is kept of a deployment is damaged; the others are shown all the same.

    REVISION is the one that serves, DURABLE the one that a restart would serve. Ready is what was asked for last, when
    it answers: after a failed edit a deployment is not, though an older revision serves.

    With NAME there are figures, too: requests and errors (answers with a status of 400 or more) since its servers
    started, within how long half of the requests were answered, and the memory of the servers with all their processes.
    In JSON they are `figures`: `requests`, `errors`, `p50_seconds`, `memory_bytes` and `since`, null where they cannot
    be had.

    \b
    Examples:
      lmd status
      lmd status churn -o json
      lmd status ./churn
    """
    if name is None:
        target = chosen(where)
    else:
        with wrong_paths():
            target, name = deployment(name, where)
    deployments = [target.get(name)] if name else target.deployments()
    figures_found = figures.read(target.metrics(name)) if name and deployments[0].serving is not None else None
    if output == "text":
        if name or not on_cluster(target.name):  # a list does not ask a cluster for each of its deployments
            deployments = [
                replace(one, message=folder_words.of(target, one.name)(one.message)) if one.message else one
                for one in deployments
            ]
        _print(deployments, name is not None, figures_found, target.name)
    elif name:
        print_value({**asdict(deployments[0]), "figures": asdict(figures_found) if figures_found else None}, output)
    else:
        print_value([asdict(item) for item in deployments], output)
    for item in deployments:
        if item.damaged:
            state_file.log.warning("%s", item.message)
    if name and not deployments[0].ready:
        raise SystemExit(1)


def _print(deployments: list[DeploymentStatus], is_one: bool, figures_found: Figures | None, target: str) -> None:
    """A table; of one deployment that was asked for, the whole message stands below it, and its figures."""
    columns = ["NAME", "READY", "REVISION", "DURABLE", "URL"]
    rows = [
        [item.name, "yes" if item.ready else "no", str(item.serving or "-"), str(item.durable or "-"), item.url]
        for item in deployments
    ]
    if not is_one:
        columns.append("MESSAGE")
        rows = [[*row, item.why] for row, item in zip(rows, deployments, strict=True)]
    print_table(
        columns,
        rows,
        f"no deployments with --target {target}; lmd apply PATH serves a folder with a script, or a manifest",
        lambda row, line: line if deployments[row].ready else style.bad(line),
        ["DURABLE", "REVISION"],
    )
    if is_one and (message := deployments[0].why):
        say(message)
    if figures_found:
        say()
        print_table(["REQUESTS", "ERRORS", "P50", "MEMORY", "SINCE"], [_figures(figures_found)])


def _figures(values: Figures) -> list[str]:
    return [
        str(values.requests),
        str(values.errors),
        "-" if values.p50_seconds is None else human.duration(values.p50_seconds),
        "-" if values.memory_bytes is None else size.words(values.memory_bytes),
        "-" if values.since is None else human.ago(values.since),
    ]


@click.command()
@click.option("--timeout", type=_TIMEOUT, default=300.0, show_default=True, help="Seconds to wait.")
@deployment_options
def wait(target: Target, name: str, timeout: float) -> None:
    """Wait until the deployment NAME serves what was last applied.

    The exit code is 1 when it will not, or does not in time.

    \b
    Examples:
      lmd wait churn
      lmd wait churn --target kind --timeout 600
    """
    from localmodel.sdk.client import Client  # here, because the other commands do not need it

    served = Client._of(target).get(name)
    served.wait(timeout)
    say(sentence(served.status))


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@click.option("--lines", type=click.IntRange(min=1), help="Only the last lines. Default: all.")
@deployment_options
def logs(target: Target, name: str, follow: bool, lines: int | None) -> None:
    """Print the log of the deployment NAME.

    It has what the build of the environment said, the server's lines, and what the script prints; on a terminal with
    escapes for control characters, into a file or a pipe to the byte.

    \b
    Examples:
      lmd logs churn -f
      lmd logs churn --lines 50
    """
    for piece in target.logs(name, follow, lines):
        pass_on(piece)


@click.command()
@click.option("--timeout", type=_TIMEOUT, help="Seconds to wait until it serves. Default: 300.")
@deployment_options
def reload(target: Target, name: str, timeout: float | None) -> None:
    """Read the script of the deployment NAME again, and serve it.

    It is read from where it was applied from, so this is for what was applied with a script. Models that were given as
    paths are read again, too, and a server that has ended is started. When it fails, what served goes on serving, and
    the exit code is 1.

    \b
    Examples:
      lmd reload churn
      lmd reload churn --timeout 600
    """
    from localmodel.sdk.client import Client  # here, because the other commands do not need it

    served = Client._of(target).get(name)
    with folder_words.errors_in_words():
        served.reload(timeout=timeout, progress=FolderProgress(ConsoleProgress()))
    say(sentence(served.status))
