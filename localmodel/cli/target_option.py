"""The options that say where a deployment runs."""

import functools
from collections.abc import Callable
from typing import Any

import click

from localmodel.target_table import DEFAULT, TARGETS, on_cluster


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command `--target`, `--context` and `--namespace`, and call it with a `target`."""

    @click.option(
        "--target",
        "where",
        type=click.Choice([*TARGETS]),
        envvar="LOCALMODEL_TARGET",
        show_envvar=True,
        default=DEFAULT,
        show_default=True,
        help="Where the deployment runs: a process of this machine, a container of its Docker engine, or a Kubernetes "
        "cluster with the operator.",
    )
    @click.option("--context", help="The cluster, as kubectl's configuration names it (target kind).")
    @click.option("-n", "--namespace", help="The namespace, if not that of the context (target kind).")
    @functools.wraps(command)
    def wrapper(where: str, context: str | None, namespace: str | None, **arguments: Any) -> None:
        if arguments.pop("all_namespaces", False):
            if namespace is not None:
                raise click.UsageError("give one of --namespace and --all-namespaces")
            namespace = ""
        if not on_cluster(where):
            for option, value in (("--context", context), ("--namespace", namespace)):
                if value is not None:
                    raise click.UsageError(f"{option} goes with --target kind")
        # Here, so that help and completion need not wait for the imports of a target.
        from localmodel.targets.make import make

        command(target=make(where, context, namespace), **arguments)

    return wrapper


all_namespaces_option = click.option(
    "-A", "--all-namespaces", is_flag=True, help="The deployments of every namespace (target kind)."
)
