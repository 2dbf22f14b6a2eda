"""The options that say where a deployment runs."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from localmodel.target_table import DEFAULT, TARGETS, on_cluster

if TYPE_CHECKING:
    from localmodel.targets.target import Target


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command `--target`, `--context` and `--namespace`, and call it with a `target`."""

    @where_options
    @functools.wraps(command)
    def wrapper(**arguments: Any) -> None:
        command(target=chosen(arguments), **arguments)

    return wrapper


def where_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options themselves; chosen() makes the target of them."""
    for option in (
        click.option("-n", "--namespace", help="The namespace, if not that of the context (target kind)."),
        click.option("--context", help="The cluster, as kubectl's configuration names it (target kind)."),
        click.option(
            "--target",
            "where",
            type=click.Choice([*TARGETS]),
            envvar="LOCALMODEL_TARGET",
            show_envvar=True,
            default=DEFAULT,
            show_default=True,
            help="Where the deployment runs: a process of this machine, a container of its Docker engine, or a "
            "Kubernetes cluster with the operator.",
        ),
    ):
        command = option(command)
    return command


def chosen(arguments: dict[str, Any], of_folder: str | None = None) -> "Target":
    """The target that the options name, which are taken out of the arguments.

    `of_folder` is what a folder's lmd.toml says: it holds where neither an option nor LOCALMODEL_TARGET says anything.
    """
    where, context, namespace = (arguments.pop(name) for name in ("where", "context", "namespace"))
    if of_folder and click.get_current_context().get_parameter_source("where") == ParameterSource.DEFAULT:
        where = of_folder
    if arguments.pop("all_namespaces", False):
        if namespace is not None:
            raise click.UsageError("give one of --namespace and --all-namespaces")
        namespace = ""
    if not on_cluster(where):
        for option, value in (("--context", context), ("--namespace", namespace)):
            if value is not None:
                raise click.UsageError(f"{option} goes with --target kind")
    # Late, so that help and completion need not wait for what a target is made of.
    from localmodel.targets.make import make

    return make(where, context, namespace)


all_namespaces_option = click.option(
    "-A", "--all-namespaces", is_flag=True, help="The deployments of every namespace (target kind)."
)
