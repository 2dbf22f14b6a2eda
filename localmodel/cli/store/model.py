"""lmd model: the store's models."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import click

from localmodel.addresses.address import is_address, parse
from localmodel.cli import completion
from localmodel.cli.deployment import next_step
from localmodel.cli.group import Group
from localmodel.cli.store import versions
from localmodel.cli.store.model_check import check, of_main, warnings
from localmodel.cli.store.versions import AnyVersion, insecure_option, name_option
from localmodel.cli.terminal import human
from localmodel.cli.terminal.meter import meter
from localmodel.cli.terminal.output import Failure, output_option, print_table, print_value, say
from localmodel.disk import home, state_file
from localmodel.disk.size import words
from localmodel.store import ModelVersion, Store

model_argument = click.argument("model", metavar="MODEL", shell_complete=completion.models)


@click.group(cls=Group)
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
@output_option
def register(
    path: Path,
    name: str,
    tags: Sequence[str],
    properties: Sequence[str],
    description: str,
    framework: str,
    framework_version: str,
    output: str,
) -> None:
    """Keep the file or folder PATH in the store, as the next version of the model.

    The version before it is named again when it is the very same.

    \b
    Examples:
      lmd model register ./model.pkl --name churn
      lmd model register ./artifacts --name churn --tag area=eu
    """
    store = _store()
    before = store.models.versions(name)
    with meter(f"registering {path.name}") as progress:
        version = store.models.register(
            name,
            path,
            tags=versions.pairs(tags),
            properties=versions.pairs(properties),
            description=description,
            framework=framework,
            framework_version=framework_version,
            progress=progress,
        )
    _warn(version)
    if version.version in before:
        say(f"{version.name}:{version.version} has this content already", err=True)
    versions.tell(version, output)
    if output == "text":
        next_step.tell(lambda: f"lmd apply FOLDER --model {version.name}:{version.version}")


@model.command("list")
@click.argument("name", required=False, shell_complete=completion.models)
@click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="Only those with this tag. Repeatable.")
@click.option("--latest", is_flag=True, help="Only the latest version of each model.")
@output_option
def list_models(name: str | None, tags: Sequence[str], latest: bool, output: str) -> None:
    """List the versions of every model, or of one.

    \b
    Examples:
      lmd model list
      lmd model list churn --latest
    """
    wanted: dict[str, str | None] = {
        key: value if equals else None for key, equals, value in (tag.partition("=") for tag in tags)
    }
    store = _store()
    models = store.models.list(name, wanted, latest)
    if output != "text":
        print_value([versions.value(model) for model in models], output)
        return
    columns = ["NAME", "VERSION", "ALIASES", "FRAMEWORK", "SIZE", "CREATED", "DIGEST", "TAGS"]
    aliases = {name: state_file.or_skip(partial(store.models.aliases, name)) or {} for name in _names(models)}
    rows = [_row(model, aliases[model.name]) for model in models]
    empty = "no models; lmd model register PATH --name NAME keeps one"
    print_table(columns, rows, empty, spare=["DIGEST", "FRAMEWORK", "SIZE"])


@model.command()
@model_argument
@output_option
def show(model: str, output: str) -> None:
    """Say what is known of a version: its tags, its aliases, what uses it.

    \b
    Examples:
      lmd model show churn
      lmd model show churn:3 -o json
    """
    store = _store()
    version = store.models.known(model)
    aliases = _of_version(store.models.aliases(version.name), version.version)
    uses = store.models.uses(version.name, version.version)
    if output != "text":
        print_value({**versions.value(version), "aliases": aliases, "uses": [vars(use) for use in uses]}, output)
        return
    lines: dict[str, object] = {
        "name": version.name,
        "version": version.version,
        "aliases": ", ".join(aliases),
        "description": version.description,
        "framework": f"{version.framework} {version.framework_version}".strip(),
        "tags": _text(version.tags),
        "properties": _text(version.properties),
        "created": version.created,
        "bytes": version.weights.size,
        "digest": version.digest,
    }
    for key, value in lines.items():
        if value != "":
            say(f"{key + ':':<13}{value}")
    for use in uses:
        say(f"{'used by:':<13}{use}")


@model.command()
@model_argument
@click.option("--target-dir", type=click.Path(file_okay=False, path_type=Path), default=".", help="Default: here.")
@click.option("--overwrite", is_flag=True, help="Replace what is there.")
def download(model: str, target_dir: Path, overwrite: bool) -> None:
    """Write the model's file or folder, under its own name, into a folder.

    \b
    Examples:
      lmd model download churn:3
      lmd model download churn@champion --target-dir ./models
    """
    store = _store()
    version = store.models.find(model)
    say(store.models.download(version.name, version.version, target_dir, overwrite))


@model.command()
@model_argument
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Add or replace a tag. Repeatable.")
@click.option("--remove-tag", "removed", multiple=True, metavar="KEY", help="Remove a tag. Repeatable.")
@click.option("--property", "properties", multiple=True, metavar="KEY=VALUE", help="Add a property. Repeatable.")
@click.option("--description", help="Replace the description.")
def update(
    model: str, tags: Sequence[str], removed: Sequence[str], properties: Sequence[str], description: str | None
) -> None:
    """Change what is told of a version. Its content never changes.

    \b
    Examples:
      lmd model update churn:3 --tag stage=test
      lmd model update churn:3 --description 'without outliers'
    """
    store = _store()
    version = store.models.known(model)
    changed = store.models.update(
        version.name,
        version.version,
        tags=versions.pairs(tags),
        remove_tags=removed,
        properties=versions.pairs(properties),
        description=description,
    )
    say(f"{changed.name}:{changed.version} {_text(changed.tags)}".rstrip())


@model.command()
@model_argument
@click.argument("alias")
@click.option("--remove", is_flag=True, help="Remove the alias from the model, whatever version it names.")
def alias(model: str, alias: str, remove: bool) -> None:
    """Let ALIAS name this version: NAME@ALIAS is then a reference to it, until it moves on.

    \b
    Examples:
      lmd model alias churn:3 champion
      lmd model alias churn champion --remove
    """
    store = _store()
    version = store.models.known(model)
    if remove:
        store.models.remove_alias(version.name, alias)
    else:
        store.models.set_alias(version.name, alias, version.version)
        say(f"{version.name}@{alias} is {version.name}:{version.version}")


@model.command()
@click.argument("model", metavar="NAME:VERSION", shell_complete=completion.models)
def delete(model: str) -> None:
    """Remove a version that no deployment uses. Its number is never used again.

    lmd store gc frees the space.

    \b
    Examples:
      lmd model delete churn:3
      lmd store gc
    """
    name, number = versions.numbered(model)
    _store().models.delete(name, number)
    say(f"deleted {model}")


@model.command()
@model_argument
@click.argument("reference", metavar="HOST/REPOSITORY:TAG")
@insecure_option
def push(model: str, reference: str, insecure: bool) -> None:
    """Send a version to an OCI registry. What is there already is not sent again.

    \b
    Examples:
      lmd model push churn:3 localhost:5000/models/churn:3
      lmd model push churn localhost:5000/models/churn:latest
    """
    versions.push(_store().models.find(model), reference, insecure)


@model.command()
@click.argument("reference", metavar="HOST/REPOSITORY:TAG")
@name_option
@insecure_option
@output_option
def pull(reference: str, name: str | None, insecure: bool, output: str) -> None:
    """Fetch a version from an OCI registry, as the next of its name unless it is here already.

    \b
    Examples:
      lmd model pull localhost:5000/models/churn:3
      lmd model pull localhost:5000/models/churn:3 --name churn-copy
    """
    version = versions.pull(reference, name, ModelVersion, insecure)
    _warn(version)
    versions.tell(version, output)


@model.command("export")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, shell_complete=completion.models)
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
def export(models: Sequence[str], path: Path) -> None:
    """Write versions into one FILE, for a machine that no registry reaches. It is a tar of an OCI layout.

    \b
    Examples:
      lmd model export churn:3 churn.tar
      lmd model export churn digits models.tar
    """
    store = _store()
    versions.write_file(path, [store.models.find(reference) for reference in models])


@model.command("import")
@click.argument("source", metavar="FILE|ADDRESS", type=click.Path(dir_okay=False))
@name_option
@output_option
def import_(source: str, name: str | None, output: str) -> None:
    """Take in the versions of a FILE that lmd model export has written, or the model at an ADDRESS.

    Each becomes the next version of its name unless it is here already. An address begins with https://, s3://, gs://,
    az://, hf://, oci://, models:/, runs:/ or file://. #sha256= behind that of one file says what it must contain.

    \b
    Examples:
      lmd model import churn.tar
      lmd model import churn.tar --name churn-copy
      lmd model import hf://owner/model@main --name sentiment
      lmd model import s3://bucket/models/churn.pkl
    """
    if is_address(source):
        with meter(f"importing {parse(source).shown}") as progress:
            arrived: Sequence[AnyVersion] = [_store().models.import_(source, name=name, progress=progress)]
    else:
        arrived = versions.read_file(Path(source), name, ModelVersion)
    for version in arrived:
        _warn(version)
    versions.tell_all(arrived, output)


@model.command()
@model_argument
def verify(model: str) -> None:
    """Check that every byte of a version is as it was registered.

    \b
    Examples:
      lmd model verify churn
      lmd model verify churn:3
    """
    store = _store()
    with meter(f"verifying {model}") as progress:
        problems = list(store.verify(store.models.find(model), progress=progress))
    for problem in problems:
        say(f"{problem.what}: {problem.message}")
    if problems:
        raise Failure(f"{model} is damaged")
    say(f"{model} is intact")


def _store() -> Store:
    return Store(home.store())


def _text(pairs: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in pairs.items())


def _row(model: ModelVersion, aliases: Mapping[str, int]) -> list[str]:
    named = " ".join(_of_version(aliases, model.version))
    content = [words(model.weights.size), human.ago(model.created), model.digest[:19]]
    return [model.name, str(model.version), named, model.framework, *content, _text(model.tags)]


def _names(models: Iterable[ModelVersion]) -> set[str]:
    return {model.name for model in models}


def _of_version(aliases: Mapping[str, int], version: int) -> list[str]:
    return [alias for alias, number in aliases.items() if number == version]


def _warn(version: AnyVersion) -> None:
    if isinstance(version, ModelVersion):
        for warning in [*of_main(version.pickles), *warnings(version.pickles)]:
            say(warning, err=True)
