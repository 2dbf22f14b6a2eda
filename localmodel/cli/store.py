"""lmd store: looking after what is kept."""

import click

from localmodel import home
from localmodel.cli.meter import meter
from localmodel.cli.output import Failure, output_option, print_value
from localmodel.store import Store


@click.group()
def store() -> None:
    """Check the store, and free its space."""


@store.command()
@output_option
def verify(output: str) -> None:
    """Check every byte of the store against its digest, and every record against what it names.

    The exit code is 1 when something is damaged.
    """
    with meter("verifying") as progress:
        problems = list(Store(home.store()).verify(progress=progress))
    if output != "text":
        print_value([vars(problem) for problem in problems], output)
    else:
        for problem in problems:
            click.echo(f"{problem.what}: {problem.message}")
    if problems:
        raise Failure(f"{len(problems)} problems in {home.store()}")
    if output == "text":
        click.echo("the store is sound")


@store.command()
def gc() -> None:
    """Free the space of what nothing names any more: deleted versions, and what killed commands left.

    It waits until no other command writes.
    """
    from localmodel.targets import unpacked

    store = Store(home.store())
    click.echo(f"{store.collect_garbage() + unpacked.forget(store)} bytes freed")
