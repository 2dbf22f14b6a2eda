"""lmd model: the store's models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from localmodel import home
from localmodel.cli import completion
from localmodel.cli.meter import meter
from localmodel.cli.model_check import check, warnings
from localmodel.cli.output import Failure, output_option, print_table, print_value
from localmodel.store import ModelVersion, Store

model_argument = click.argument("model", metavar="MODEL", shell_complete=completion.models)
insecure_option = click.option("--insecure", is_flag=True, help="Plain HTTP. Registries on this machine need no flag.")
name_option = click.option("--name", help="Take it in under this name. Default: its own.")


@click.group()
def model() -> None:
    """Register, find and share models.

    MODEL is NAME (its latest version), NAME:VERSION or NAME@ALIAS.
    """


model.add_command(check)


@model.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the model.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag, which may change. Repeatable.")
@click.option("--property", "properties", multiple=True, metavar="KEY=VALUE", help="A property, for good. Repeatable.")
@click.option("--description", default="", help="What the model is.")
@click.option(
    "--framework",
    default="",
    type=click.Choice(["", "Custom", "TensorFlow", "ScikitLearn", "Onnx", "TfKeras", "PyTorch", "Multi"]),
    help="What it was made with.",
)
@click.option("--framework-version", default="", help="Version of the framework.")
def register(
    path: Path,
    name: str,
    tags: Sequence[str],
    properties: Sequence[str],
    description: str,
    framework: str,
    framework_version: str,
) -> None:
    """Keep the file or folder PATH in the store, as the next version of the model.

    The version before it is named again when it is the very same.
    """
    store = _store()
    before = store.models.versions(name)
    with meter(f"registering {path.name}") as progress:
        version = store.models.register(
            name,
            path,
            tags=_pairs(tags),
            properties=_pairs(properties),
            description=description,
            framework=framework,
            framework_version=framework_version,
            progress=progress,
        )
    for warning in warnings(version.pickles):
        click.echo(warning, err=True)
    note = ", which has this content already" if version.version in before else ""
    click.echo(f"{version.name}:{version.version}{note}")


@model.command("list")
@click.argument("name", required=False, shell_complete=completion.models)
@click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="Only those with this tag. Repeatable.")
@click.option("--latest", is_flag=True, help="Only the latest version of each model.")
@output_option
def list_models(name: str | None, tags: Sequence[str], latest: bool, output: str) -> None:
    """List the versions of every model, or of one."""
    wanted: dict[str, str | None] = {key: value if equals else None for key, equals, value in map(_parts, tags)}
    models = _store().models.list(name, wanted, latest)
    if output != "text":
        print_value([_value(model) for model in models], output)
        return
    columns = ["NAME", "VERSION", "TAGS", "FRAMEWORK", "BYTES", "CREATED", "DIGEST"]
    print_table(columns, [_row(model) for model in models])


@model.command()
@model_argument
@output_option
def show(model: str, output: str) -> None:
    """Say what is known of a version: its tags, its aliases, what uses it."""
    store = _store()
    found = store.models.find(model)
    aliases = [alias for alias, number in store.models.aliases(found.name).items() if number == found.version]
    uses = store.models.uses(found.name, found.version)
    if output != "text":
        print_value({**_value(found), "aliases": aliases, "uses": [vars(use) for use in uses]}, output)
        return
    told: dict[str, object] = {
        "name": found.name,
        "version": found.version,
        "aliases": ", ".join(aliases),
        "description": found.description,
        "framework": f"{found.framework} {found.framework_version}".strip(),
        "tags": _text(found.tags),
        "properties": _text(found.properties),
        "created": found.created,
        "bytes": found.weights.size,
        "digest": found.digest,
    }
    for key, value in told.items():
        if value != "":
            click.echo(f"{key + ':':<13}{value}")
    for use in uses:
        click.echo(f"{'used by:':<13}{use}")


@model.command()
@model_argument
@click.option("--target-dir", type=click.Path(file_okay=False, path_type=Path), default=".", help="Default: here.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def download(model: str, target_dir: Path, overwrite: bool) -> None:
    """Write the model's file or folder, under its own name, into a folder."""
    store = _store()
    found = store.models.find(model)
    click.echo(store.models.download(found.name, found.version, target_dir, overwrite))


@model.command()
@model_argument
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Add or replace a tag. Repeatable.")
@click.option("--remove-tag", "removed", multiple=True, metavar="KEY", help="Remove a tag. Repeatable.")
@click.option("--property", "properties", multiple=True, metavar="KEY=VALUE", help="Add a property. Repeatable.")
@click.option("--description", help="Replace the description.")
def update(
    model: str, tags: Sequence[str], removed: Sequence[str], properties: Sequence[str], description: str | None
) -> None:
    """Change what is told of a version. Its content never changes."""
    store = _store()
    found = store.models.find(model)
    changed = store.models.update(
        found.name,
        found.version,
        tags=_pairs(tags),
        remove_tags=removed,
        properties=_pairs(properties),
        description=description,
    )
    click.echo(f"{changed.name}:{changed.version} {_text(changed.tags)}".rstrip())


@model.command()
@model_argument
@click.argument("alias")
@click.option("--remove", is_flag=True, help="Remove the alias from the model, whatever version it names.")
def alias(model: str, alias: str, remove: bool) -> None:
    """Let ALIAS name this version: NAME@ALIAS is then a reference to it, until it moves on."""
    store = _store()
    found = store.models.find(model)
    if remove:
        store.models.remove_alias(found.name, alias)
    else:
        store.models.set_alias(found.name, alias, found.version)
        click.echo(f"{found.name}@{alias} is {found.name}:{found.version}")


@model.command()
@click.argument("model", metavar="NAME:VERSION", shell_complete=completion.models)
def delete(model: str) -> None:
    """Remove a version that no deployment uses. Its number is never used again.

    lmd store gc frees the space.
    """
    name, _, number = model.partition(":")
    if not number.isdecimal():
        raise click.UsageError(f"{model}: say which version, as in {name.partition('@')[0]}:1")
    _store().models.delete(name, int(number))
    click.echo(f"{model} is gone")


@model.command()
@model_argument
@click.argument("reference", metavar="HOST/REPOSITORY:TAG")
@insecure_option
def push(model: str, reference: str, insecure: bool) -> None:
    """Send a version to an OCI registry. What is there already is not sent again."""
    store = _store()
    with meter(f"pushing {model}") as progress:
        digest = store.push(store.models.find(model), reference, insecure=insecure, progress=progress)
    click.echo(f"{reference} is {digest}")


@model.command()
@click.argument("reference", metavar="HOST/REPOSITORY:TAG")
@name_option
@insecure_option
def pull(reference: str, name: str | None, insecure: bool) -> None:
    """Fetch a version from an OCI registry, as the next of its name unless it is here already."""
    with meter(f"pulling {reference}") as progress:
        found = _store().pull(reference, name=name, insecure=insecure, progress=progress)
    if isinstance(found, ModelVersion):
        for warning in warnings(found.pickles):
            click.echo(warning, err=True)
    click.echo(f"{found.name}:{found.version}")


@model.command("export")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, shell_complete=completion.models)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
def export(models: Sequence[str], path: Path) -> None:
    """Write versions into one FILE, for a machine that no registry reaches. It is a tar of an OCI layout."""
    store = _store()
    with meter(f"writing {path.name}") as progress:
        store.export_to(path, [store.models.find(each) for each in models], progress=progress)
    click.echo(path)


@model.command("import")
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@name_option
def import_(path: Path, name: str | None) -> None:
    """Take in the versions of a FILE, each as the next of its name unless it is here already."""
    with meter(f"reading {path.name}") as progress:
        arrived = _store().import_from(path, name=name, progress=progress)
    for found in arrived:
        click.echo(f"{found.name}:{found.version}")


@model.command()
@model_argument
def verify(model: str) -> None:
    """Check that every byte of a version is as it was registered."""
    store = _store()
    with meter(f"verifying {model}") as progress:
        problems = list(store.verify(store.models.find(model), progress=progress))
    for problem in problems:
        click.echo(f"{problem.what}: {problem.message}")
    if problems:
        raise Failure(f"{model} is damaged")
    click.echo(f"{model} is sound")


def _store() -> Store:
    return Store(home.store())


def _parts(text: str) -> tuple[str, str, str]:
    return text.partition("=")


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    for text in texts:
        if "=" not in text:
            raise click.UsageError(f"{text!r}: write KEY=VALUE")
    return {key: value for key, _, value in map(_parts, texts)}


def _text(pairs: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in pairs.items())


def _row(model: ModelVersion) -> list[str]:
    numbers = [str(model.weights.size), model.created, model.digest[:19]]
    return [model.name, str(model.version), _text(model.tags), model.framework, *numbers]


def _value(model: ModelVersion) -> dict[str, Any]:
    return {**vars(model), "weights": vars(model.weights)}
