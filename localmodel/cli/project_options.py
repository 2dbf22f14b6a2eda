"""The PATH that commands take, or the name of what was applied from it, and the options that go with it."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localmodel.cli import completion
from localmodel.cli.target_option import chosen, where_options
from localmodel.cli.terminal.output import ConsoleProgress

if TYPE_CHECKING:
    from localmodel.project.project import Project
    from localmodel.project.settings import Settings
    from localmodel.targets.target import Target

_A_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_A_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)

_PATHS = (
    click.argument("path", metavar="[PATH]", required=False, shell_complete=completion.paths),
    click.option("-f", "file", type=_A_FILE, help="File with the manifest."),
    click.option("-k", "folder", type=_A_FOLDER, help="Folder with a kustomization.yaml."),
)
# What a script is deployed with; a manifest says it itself.
_OF_SCRIPTS = {
    "entry_script": click.option(
        "--entry-script", metavar="FILE", help="The script's path in the folder PATH. Default: score.py."
    ),
    "models": click.option(
        "--model",
        "models",
        multiple=True,
        metavar="MODEL",
        shell_complete=completion.models,
        help="NAME, NAME:VERSION, NAME@ALIAS, or a path or an address such as hf://OWNER/MODEL@REVISION, which is "
        "registered under the deployment's name; NAME=PATH names it otherwise. Repeatable.",
    ),
    "env": click.option(
        "--env",
        metavar="NAME[:VERSION]",
        shell_complete=completion.environments,
        help="The script's environment, as it is registered.",
    ),
    "requirements": click.option(
        "--requirements",
        type=_A_FILE,
        help="File with requirements: pip's, pyproject.toml or uv.lock. Default: the one beside the script.",
    ),
    "conda": click.option(
        "--conda", type=_A_FILE, help="File of a conda environment. Default: the one beside the script."
    ),
    "python": click.option(
        "--python", metavar="X.Y", help="Version of Python. Default: as the files beside the script say, or lmd's own."
    ),
    "name": click.option("--name", help="Name of the deployment. Default: the folder's."),
    "port": click.option(
        "--port",
        type=click.IntRange(1, 65535),
        help="Where it answers on this machine. Default: where it does already, or else 6789 or the next free one.",
    ),
    "variables": click.option(
        "--variable", "variables", multiple=True, metavar="NAME=VALUE", help="Set for the script. Repeatable."
    ),
    "write": click.option(
        "--write", is_flag=True, help="Write what the script imports, and the requirements lack, into requirements.txt."
    ),
}
_OPTIONS = {"models": "--model", "variables": "--variable"}
_PROJECT = "localmodel.project"
_REPLACE = click.option(
    "--replace", "replaces", is_flag=True, help="Take the place of a deployment that was applied from elsewhere."
)


def project_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command PATH and all that says what is made of it, and call it with a `target` and a `project`.

    The command has the where_options, too.
    """

    @functools.wraps(command)
    def wrapper(path: str | None, file: Path | None, folder: Path | None, **arguments: Any) -> None:
        given = [word for word in (path, file, folder) if word is not None]
        if len(given) != 1:
            raise click.UsageError("give one of PATH, -f FILE and -k FOLDER")
        from localmodel.project import applied  # help does without what this imports

        options = {name: arguments.pop(name) for name in _OF_SCRIPTS}
        replaces = arguments.pop("replaces")
        with wrong_paths():
            where, target = _where(given[0], arguments)
            if target is not None:  # the word is a deployment's name
                options["name"] = options["name"] or given[0]
            project = _project(where, options, replaces, kustomized=folder is not None)
            if target is None:
                target = chosen(arguments, project.settings.target)
                project = applied.named(target, project, ConsoleProgress())
            command(target=target, project=project, **arguments)

    for option in reversed((*_PATHS, *_OF_SCRIPTS.values(), _REPLACE)):
        wrapper = option(wrapper)
    return wrapper


def deployment_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command NAME, or the PATH that was applied, and call it with a `target` and the deployment's `name`."""

    @click.argument("name", metavar="NAME|PATH", shell_complete=completion.deployments)
    @where_options
    @functools.wraps(command)
    def wrapper(name: str, **arguments: Any) -> None:
        with wrong_paths():
            target, name = deployment(name, arguments)
        command(target=target, name=name, **arguments)

    return wrapper


def deployment(word: str, arguments: dict[str, Any]) -> "tuple[Target, str]":
    """The target that the options name, and the deployment that a NAME or a PATH names there.

    A word with a `/`, and `.`, are paths.
    """
    if not is_path(word):
        return chosen(arguments), word
    from localmodel.project import applied, project

    loaded = project.load(Path(word).expanduser())
    target = chosen(arguments, loaded.settings.target)
    click.get_current_context().meta[_PROJECT] = loaded
    return target, applied.name_of(target, loaded)


def project_of(target: "Target", name: str) -> "Project | None":
    """The project of the deployment that deployment() has given; None where that cannot be told."""
    from localmodel.project import applied

    return click.get_current_context().meta.get(_PROJECT) or applied.project_of(target, name)


@contextlib.contextmanager
def wrong_paths() -> Iterator[None]:
    """Have a PATH that is not one of what can be served end as other wrong words of a command line do."""
    from localmodel.project.place import PathError

    try:
        yield
    except PathError as error:
        raise click.UsageError(str(error)) from None


def is_path(word: str) -> bool:
    """Whether a word can only be a path, and not a deployment's name."""
    return "/" in word or word in (".", "..")


def _where(word: str | Path, arguments: dict[str, Any]) -> "tuple[Path, Target | None]":
    """The path that is meant, and the target, if that had to be asked which path it is."""
    path = Path(word).expanduser()
    if isinstance(word, Path) or is_path(word) or path.exists():
        return path, None
    from localmodel import reasons
    from localmodel.errors import UserError
    from localmodel.project import applied
    from localmodel.project.place import PathError, names_model

    if re.search("[:@]", word) and names_model(word):  # which no deployment is called
        return path, None
    target = chosen(arguments)
    try:
        return applied.path_of(target, word), target
    except UserError as error:
        if error.reason != reasons.DEPLOYMENT_NOT_FOUND:
            raise
        if names_model(word):
            return path, target
        raise PathError(
            reasons.SOURCE_MISSING, f"{word}: no such file or folder, and no deployment of this name"
        ) from None


def _project(path: Path, options: dict[str, Any], replaces: bool, kustomized: bool) -> "Project":
    from localmodel.project import project
    from localmodel.project.place import Place

    if kustomized:
        loaded = project.Project(Place("kustomization", path), replaces=replaces)
    else:
        loaded = project.load(path, settings(options), replaces, options["write"])
    if loaded.place.is_manifest and any(options.values()):
        unfit = ", ".join(_OPTIONS.get(name, f"--{name.replace('_', '-')}") for name in options if options[name])
        raise click.UsageError(f"{unfit}: only with a script; {path} is a manifest, which says it itself")
    return loaded


def settings(options: Mapping[str, Any]) -> "Settings":
    """What the options say."""
    from localmodel.project.settings import Settings

    environments = [
        environment
        for environment in (options["env"], options["requirements"], options["conda"])
        if environment is not None
    ]
    if len(environments) > 1:
        raise click.UsageError("give one of --env, --requirements and --conda")
    return Settings(
        name=options["name"],
        entry_script=options["entry_script"],
        models=tuple(options["models"]) or None,
        environment=environments[0] if environments else None,
        python=options["python"],
        port=options["port"],
        variables=_variables(options["variables"]) or None,
    )


def _variables(texts: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE, by name."""
    from localmodel.project.settings import VARIABLE

    variables = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--variable: {text!r} is not NAME=VALUE")
        if not VARIABLE.fullmatch(name):
            raise click.UsageError(f"--variable: {name!r} is not a name of a variable: use letters, digits and _")
        variables[name] = value
    return variables
