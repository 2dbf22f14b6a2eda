"""The options that say where a deployment runs."""

import functools
from collections.abc import Callable
from typing import Any

import click

from localmodel.targets.kind import KindTarget
from localmodel.targets.process import ProcessTarget
from localmodel.targets.target import Target


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command `--target` and `--context`, and call it with a `target`."""

    @click.option(
        "--target",
        "where",
        type=click.Choice(["process", "kind"]),
        default="process",
        show_default=True,
        help="Where the deployment runs: a process of this machine, or a Kubernetes cluster with the operator.",
    )
    @click.option("--context", help="The cluster, as kubectl's configuration names it (target kind).")
    @functools.wraps(command)
    def wrapper(where: str, context: str | None, **arguments: Any) -> None:
        if context is not None and where != "kind":
            raise click.UsageError("--context goes with --target kind")
        target: Target = KindTarget(context) if where == "kind" else ProcessTarget()
        command(target=target, **arguments)

    return wrapper
