"""lmd import: deployments that other tools' files describe."""

import shlex
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from localmodel import reasons
from localmodel.azureml_files import document, folder, gather
from localmodel.azureml_files.document import Node
from localmodel.azureml_files.draft import Draft
from localmodel.azureml_files.gather import Imported
from localmodel.azureml_files.v1 import read as v1_read
from localmodel.azureml_files.v2 import read as v2_read
from localmodel.cli.deployment.apply import sentence
from localmodel.cli.group import Group
from localmodel.cli.target_option import target_options
from localmodel.cli.terminal.output import ConsoleProgress, output_option, print_value, say
from localmodel.disk import home, user_file
from localmodel.errors import UserError
from localmodel.store import Store
from localmodel.targets.target import Target

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("import", cls=Group)
def import_() -> None:
    """Make a deployment from the files of another tool."""


@import_.command()
@click.argument("paths", metavar="[FILE]...", nargs=-1, type=_A_FILE)
@click.option("--ic", "inference", type=_A_FILE, help="Inference configuration of v1, in JSON or YAML.")
@click.option("--dc", "deployment", type=_A_FILE, help="Deployment configuration of v1, in JSON or YAML.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL",
    help="NAME, NAME:VERSION, NAME@ALIAS, or a path, which is registered; instead of the file's model. Repeatable.",
)
@click.option("--name", help="Name of the deployment. Default: the file's endpoint_name; v1 has none.")
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write. Default: one named like the deployment, in the current folder.",
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that is there already.")
@click.option("--apply", "at_once", is_flag=True, help="Write no folder: make it serve, and wait until it does.")
@output_option
@target_options
def azureml(
    target: Target,
    paths: tuple[Path, ...],
    inference: Path | None,
    deployment: Path | None,
    models: tuple[str, ...],
    name: str | None,
    output_dir: Path | None,
    overwrite: bool,
    at_once: bool,
    output: str,
) -> None:
    """Turn Azure ML's files into a folder for lmd apply -k: manifest, code, and what kustomize needs.

    v2: FILE is an online deployment's YAML, managed or Kubernetes; its endpoint's may be given too. v1: --ic and --dc.
    Code, models and environments that the manifest refers to are kept in the store. What has no meaning here is said
    on standard error; what cannot be converted is refused with file, line and what to do.

    \b
    Examples:
      lmd import azureml deployment.yml --output-dir ./churn
      lmd import azureml deployment.yml --apply
    """
    if bool(paths) == bool(inference) or (deployment and not inference):
        raise click.UsageError("give FILE (v2), or --ic FILE and perhaps --dc FILE (v1)")
    if at_once and (output_dir or overwrite):
        raise click.UsageError("--apply writes no folder: leave --output-dir and --overwrite out")
    draft, place = _v1(inference, deployment) if inference else _v2(paths)
    imported = gather.gather(draft, place, Store(home.store()), name, models)
    progress = ConsoleProgress()
    for kept in imported.kept:
        progress.note(f"kept in the store: {kept}")
    for note in imported.notes:
        progress.note(note)
    if at_once:
        _apply(target, imported, progress, output)
        return
    place = output_dir or Path(imported.manifest["metadata"]["name"])
    _write(imported, place, overwrite)
    if output == "text":
        say(f"{place}: written; lmd apply -k {shlex.quote(str(place))} makes it serve")
    else:
        print_value({"folder": str(place), "kept": list(imported.kept), "notes": list(imported.notes)}, output)


def _v1(inference: Path, deployment: Path | None) -> tuple[Draft, Path]:
    return v1_read.draft(document.read(inference), document.read(deployment) if deployment else None), inference.parent


def _v2(paths: tuple[Path, ...]) -> tuple[Draft, Path]:
    roots = [(document.read(path), path.parent) for path in paths]
    endpoints = [root for root, _ in roots if v2_read.is_endpoint(root)]
    deployments = [(root, place) for root, place in roots if not v2_read.is_endpoint(root)]
    if len(deployments) != 1 or len(endpoints) > 1:
        raise UserError(
            reasons.AZURE_FILE_INVALID,
            f"{', '.join(map(str, paths))}: one deployment is expected, and at most one endpoint beside it; "
            f"found {len(deployments)} and {len(endpoints)}",
        )
    root, place = deployments[0]
    endpoint: Node | None = endpoints[0] if endpoints else None
    return v2_read.draft(root, endpoint), place


def _apply(target: Target, imported: Imported, progress: ConsoleProgress, output: str) -> None:
    with tempfile.TemporaryDirectory() as place:  # written out, so that it is applied with its ConfigMap
        _write(imported, Path(place), overwrite=True)
        deployments = target.apply(Path(place), None, progress)
    if output != "text":
        print_value([asdict(deployment) for deployment in deployments], output)
        return
    for deployment in deployments:
        say(sentence(deployment))


def _write(imported: Imported, place: Path, overwrite: bool) -> None:
    if place.exists() and (not place.is_dir() or (any(place.iterdir()) and not overwrite)):
        raise UserError(
            reasons.FILE_EXISTS, f"{place} exists already; name another with --output-dir, or add --overwrite"
        )
    for name, content in folder.contents(imported).items():
        user_file.write(place / name, content)
