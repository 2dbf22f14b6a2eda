"""lmd forward: an address on this machine for a deployment that only its cluster reaches."""

import asyncio
import contextlib
import signal
from functools import partial

import click

from localmodel import reasons
from localmodel.cli.project_options import deployment_options
from localmodel.cli.terminal.output import ConsoleProgress, say
from localmodel.errors import UserError
from localmodel.targets import ports
from localmodel.targets.kind.kind import KindTarget
from localmodel.targets.target import Target


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port on this machine. Default: 6789, or the next one that is free."
)
@deployment_options
def forward(target: Target, name: str, port: int | None) -> None:
    """Lead a port of this machine to the deployment NAME of a cluster, until Ctrl-C.

    It goes through the API server, so that spec.service.expose may be None. The address stays while pods are replaced
    and while the API server is away: a request that comes meanwhile waits, for a minute at most. The port is open to
    everybody on this machine.

    \b
    Examples:
      lmd forward churn --target kind
      lmd forward churn --target kind --context staging --port 8080
    """
    progress = ConsoleProgress()
    deployment = target.get(name)
    if not isinstance(target, KindTarget):
        where = f" at {deployment.url}" if deployment.url else ""
        raise UserError(
            reasons.ARGUMENT_INVALID,
            f"{name} is on this machine already{where}; for one of a cluster, add --target kind",
        )
    forwarding = target.forward(name, progress)
    if port is not None:
        ports.require(port, ports.holder)
    port = port or ports.allocate(None, (), ports.holder, progress.note)
    # Closing the terminal, or kill, is a Ctrl-C as well.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        is_there = partial(say, f"http://localhost:{port}/score leads to {name}; Ctrl-C ends it")
        asyncio.run(forwarding.run(port, is_there))
