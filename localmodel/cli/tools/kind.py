"""lmd kind: a kind cluster on this machine."""

import click

from localmodel.cli.terminal.output import ConsoleProgress, say
from localmodel.local_cluster import kind_cluster, operator_process

_name = click.argument("name", default=kind_cluster.DEFAULT)


@click.group()
def kind() -> None:
    """A kind cluster on this machine, with ports for deployments. Default NAME: localmodel."""


@kind.command()
@_name
def up(name: str) -> None:
    """Make the cluster NAME, with the custom resource.

    It needs Docker, and kind and kubectl on the PATH. Ten ports of this machine, 6789 to 6798, lead to deployments in
    it, and kubectl uses it from then on. A cluster that is there already gets the custom resource only.

    \b
    Examples:
      lmd kind up
      lmd kind up second
    """
    kind_cluster.up(name, ConsoleProgress())
    say(f"cluster {name}: context {kind_cluster.context(name)}")
    say(f"start the operator: lmd operator up --context {kind_cluster.context(name)}")


@kind.command()
@_name
def down(name: str) -> None:
    """Stop the operator beside the cluster NAME, and delete the cluster.

    Models, environments and other clusters stay.

    \b
    Examples:
      lmd kind down
      lmd kind down second
    """
    if operator_process.down(kind_cluster.context(name)):
        say("operator: stopped")
    deleted = kind_cluster.down(name)
    say(f"cluster {name}: deleted" if deleted else f"there is no cluster {name}")
