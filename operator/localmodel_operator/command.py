"""`lmd operator`: the commands that this package adds to the command line."""

import asyncio
import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from localmodel import environment_retention
from localmodel.cli import program
from localmodel.cli.terminal.output import ConsoleProgress, say
from localmodel.disk import home
from localmodel.errors import UserError
from localmodel.local_cluster import operator_process, programs, resource
from localmodel.output.printable import printable
from localmodel.targets.kind.kubectl import Kubectl

# The packages of localmodel_operator.main take seconds to import: they are looked for here, and imported when it runs.
for _package in ("kopf", "kubernetes"):
    if find_spec(_package) is None:
        raise ModuleNotFoundError(f"No module named {_package!r}", name=_package)


@click.group()
def operator() -> None:
    """The operator, which serves deployments on a kind cluster."""


@operator.command()
@click.option("--context", help="Context of the kubeconfig. Default: the current one; in a pod, its service account.")
@click.option("--store", type=click.Path(path_type=Path), help="Folder of the store. Default: the user's own.")
@click.option("--liveness", help="Address of a liveness probe, such as http://0.0.0.0:8080/healthz.")
@click.option("--namespace", "namespaces", multiple=True, help="Serve this namespace only; may be given several times.")
@click.option("--registry", help="Push images there, and have pods pull them: HOST[/PREFIX]. Default: not on kind.")
@click.option(
    "--keep-environments",
    type=click.FloatRange(min=0),
    default=environment_retention.DEFAULT,
    envvar=environment_retention.VARIABLE,
    show_envvar=True,
    help="Seconds that an installed environment stays which nothing uses any more, on nodes and here. Default: 3600.",
)
def run(
    context: str | None,
    store: Path | None,
    liveness: str | None,
    namespaces: tuple[str, ...],
    registry: str | None,
    keep_environments: float,
) -> None:
    """Run the operator until it is told to stop (SIGTERM, Ctrl-C).

    \b
    Examples:
      lmd operator run
      lmd operator run --context kind-localmodel
    """
    from localmodel_operator import main

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("kopf", "httpx", "aiohttp.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # its leader election repeats every two seconds what main logs once
    logging.getLogger("kubernetes").setLevel(logging.CRITICAL)
    try:
        folder = (store or home.store()).absolute()
        options = main.Options(context, folder, namespaces, liveness, registry, keep_environments)
        asyncio.run(main.run(options))
        # A thread may wait long for the next line of a build; it can be ended at any time.
        logging.shutdown()
        os._exit(0)
    except UserError as error:
        click.echo(printable(f"error: {error}"), err=True)
        sys.exit(1)


_context_option = click.option("--context", help="Context of the kubeconfig. Default: the current one.")


@operator.command()
@_context_option
def up(context: str | None) -> None:
    """Start the operator beside the cluster.

    It runs in the background until lmd operator down, or until the machine stops; one that runs already is started
    anew. The cluster gets the custom resource first.

    \b
    Examples:
      lmd operator up
      lmd operator up --context kind-localmodel
    """
    programs.require("kubectl")
    wanted = context or _current()
    progress = ConsoleProgress()
    with progress.step("custom resource") as done:
        resource.install(wanted)
        done("installed")
    running = operator_process.up(program.path(), wanted, progress)
    say(f"operator of {wanted}: process {running.pid}, log {running.log}")
    if not running.leads:
        say("it waits: another operator holds the lease of this cluster; the log says when it serves")


@operator.command()
@_context_option
def down(context: str | None) -> None:
    """Stop the operator that lmd operator up has started. What it serves goes on serving.

    \b
    Examples:
      lmd operator down
      lmd operator down --context kind-localmodel
    """
    wanted = context or _current()
    stopped = operator_process.down(wanted)
    say(f"operator of {wanted}: {'stopped' if stopped else 'does not run'}")


def _current() -> str:
    """The name of the current context. Raises UserError."""
    return Kubectl(None, None).run("config", "current-context").strip()
