"""How `lmd apply` reads a folder with a script, or a script."""

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
# Keys that tell a v2 YAML file of an online deployment or endpoint.
_AZURE = re.compile(r"^(\$schema: *\S*azureml\S*|endpoint_name:)", re.MULTILINE)
_LONGEST_NAME = 48  # metadata.name


def refuse_others(path: Path) -> None:
    """Refuse a file that is neither a script nor a manifest of ours, and say what to do with it.

    Raises:
        click.UsageError: a file of Azure ML, or one that is not text (most likely a model).
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
    """Whether the path may be a script rather than a manifest."""
    return path.suffix == ".py" if path.is_file() else not any((path / name).is_file() for name in _KUSTOMIZATIONS)


def is_script(path: Path, entry: str | None) -> bool:
    """Whether the path is a script or a folder with one, and not a manifest.

    Raises:
        click.UsageError: the folder has neither, or both.
    """
    if path.is_file():
        return path.suffix == ".py"
    kustomization = next((name for name in _KUSTOMIZATIONS if (path / name).is_file()), None)
    if kustomization and entry:
        raise click.UsageError(f"--entry-script: {path} has a {kustomization}, which says what the script is")
    if kustomization:
        return False
    if not (path / (entry or SCRIPT)).is_file():
        scripts = ", ".join(sorted(file.name for file in path.glob("*.py"))[:10]) or "none"
        raise click.UsageError(
            f"{path} has no {entry or SCRIPT} and no kustomization.yaml; name the script with --entry-script "
            f"(its Python files: {scripts})"
        )
    return True


def place(path: Path, entry: str | None) -> tuple[str | Path, Path | None]:
    """The script and the source folder, as `Client.deploy()` takes them."""
    if path.is_file():
        return path, None
    return entry or SCRIPT, path


def environment(path: Path, env: str | None, requirements: Path | None, conda: Path | None) -> str | Path | None:
    """The environment, as `Client.deploy()` takes it: from the option, else from the folder's file, else None.

    Raises:
        click.UsageError: several options name one.
    """
    given: list[str | Path] = [option for option in (env, requirements, conda) if option is not None]
    if len(given) > 1:
        raise click.UsageError("give one of --env, --requirements and --conda")
    folder = path if path.is_dir() else path.parent
    beside = [folder / name for name in _ENVIRONMENTS if (folder / name).is_file()]
    return next(iter([*given, *beside]), None)


def deployment_name(path: Path) -> str:
    """The name of a deployment, made from the name of its folder or script.

    Raises:
        click.UsageError: no name can be made from it.
    """
    own = path.resolve().stem if path.is_file() else path.resolve().name
    name = re.sub(r"[^a-z0-9]+", "-", own.lower()).lstrip("-0123456789")[:_LONGEST_NAME].strip("-")
    if not name:
        raise click.UsageError(f"--name: {own!r} is not a valid deployment name; give one with --name")
    return name


def variables(texts: Iterable[str]) -> dict[str, str]:
    """The values of `NAME=VALUE` options, by name.

    Raises:
        click.UsageError: a text has no "=".
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--variable: {text!r} is not NAME=VALUE")
        values[name] = value
    return values
