"""What lmd apply makes of a folder with a script, or of a script."""

import re
from collections.abc import Iterable
from pathlib import Path

import click

from localmodel.resource import schema
from localmodel_untrusted.files import UnreadableError, decoded, read_file

_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_ENVIRONMENTS = ("requirements.txt", "conda.yml", "conda.yaml", "environment.yml", "conda_dependencies.yml")
SCRIPT = "score.py"
_TEXTS = (".yaml", ".yml", ".json", ".txt")
# What an online deployment's or endpoint's YAML of v2 begins with, or cannot do without.
_AZURE = re.compile(r"^(\$schema: *\S*azureml\S*|endpoint_name:)", re.MULTILINE)
_LONGEST_NAME = 48  # metadata.name


def refuse_others(path: Path) -> None:
    """Say what to do with a file that is neither a script nor a manifest of ours.

    Raises:
        click.UsageError: a file of Azure ML, or what is no text (a model, most likely).
    """
    if path.suffix == ".py" or not path.is_file():  # a pipe can be read once only
        return
    try:
        text = decoded(read_file(path) or b"")
    except UnreadableError:
        if path.suffix not in _TEXTS:
            raise click.UsageError(
                f"{path} is not a manifest; a model is deployed with the script that loads it: "
                f"lmd apply FOLDER --model {path}"
            ) from None
        return
    if _AZURE.search(text) and schema.API_VERSION not in text:
        raise click.UsageError(f"{path} is a file of Azure ML: lmd import azureml {path} makes a deployment of it")


def may_be_script(path: Path) -> bool:
    """Whether it can be no manifest's."""
    return path.suffix == ".py" if path.is_file() else not any((path / name).is_file() for name in _KUSTOMIZATIONS)


def is_script(path: Path, entry: str | None) -> bool:
    """Whether the path is meant as a script's, and not as a manifest's.

    Raises:
        click.UsageError: a folder that has neither, or both.
    """
    if path.is_file():
        return path.suffix == ".py"
    kustomization = next((name for name in _KUSTOMIZATIONS if (path / name).is_file()), None)
    if kustomization and entry:
        raise click.UsageError(f"--entry-script: {path} has a {kustomization}, which says what the script is")
    if kustomization:
        return False
    if not (path / (entry or SCRIPT)).is_file():
        there = ", ".join(sorted(file.name for file in path.glob("*.py"))[:10]) or "none"
        raise click.UsageError(
            f"{path} has no {entry or SCRIPT} and no kustomization.yaml; name the script with --entry-script "
            f"(its Python files: {there})"
        )
    return True


def place(path: Path, entry: str | None) -> tuple[str | Path, Path | None]:
    """Script and source folder, as Client.deploy() takes them."""
    if path.is_file():
        return path, None
    return entry or SCRIPT, path


def environment(path: Path, env: str | None, requirements: Path | None, conda: Path | None) -> str | Path | None:
    """The environment, as Client.deploy() takes it: the option that is given, or the folder's file, or none.

    Raises:
        click.UsageError: several are given.
    """
    given: list[str | Path] = [each for each in (env, requirements, conda) if each is not None]
    if len(given) > 1:
        raise click.UsageError("give one of --env, --requirements and --conda")
    folder = path if path.is_dir() else path.parent
    beside = [folder / name for name in _ENVIRONMENTS if (folder / name).is_file()]
    return next(iter([*given, *beside]), None)


def deployment_name(path: Path) -> str:
    """A deployment's name from that of the folder, or of the script.

    Raises:
        click.UsageError: there is nothing to make a name of.
    """
    own = path.resolve().stem if path.is_file() else path.resolve().name
    name = re.sub(r"[^a-z0-9]+", "-", own.lower()).lstrip("-0123456789")[:_LONGEST_NAME].strip("-")
    if not name:
        raise click.UsageError(f"--name: {own!r} is not a valid deployment name; give one with --name")
    return name


def variables(texts: Iterable[str]) -> dict[str, str]:
    """NAME=VALUE, by name.

    Raises:
        click.UsageError: there is no "=".
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--variable: {text!r} is not NAME=VALUE")
        found[name] = value
    return found
