"""lmd model: the store's models."""

from dataclasses import asdict
from pathlib import Path

import click

from localmodel import home
from localmodel.cli.output import output_option, print_json, print_table
from localmodel.store import Store


@click.group()
def model() -> None:
    """Register and list models."""


@model.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the model.")
def register(path: Path, name: str) -> None:
    """Keep the file or folder PATH in the store, as the next version of the model.

    The version before it is named again when its content is the same.
    """
    store = Store(home.store())
    before = store.models.versions(name)
    version = store.models.register(name, path)
    note = ", which has this content already" if version.version in before else ""
    click.echo(f"{version.name}:{version.version}{note}")


@model.command("list")
@output_option
def list_models(output: str) -> None:
    """List every version of every model."""
    models = Store(home.store()).models.list()
    if output == "json":
        print_json([asdict(version) for version in models])
        return
    rows = [
        [version.name, str(version.version), str(version.weights.size), version.created, version.digest[:19]]
        for version in models
    ]
    print_table(["NAME", "VERSION", "BYTES", "CREATED", "DIGEST"], rows)
