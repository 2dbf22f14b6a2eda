"""Environments as folders that Azure ML's SDK can also read and write, with our lock beside its files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.disk import home, user_file
from localmodel.environments import here
from localmodel.environments.formats import azure_json, conda
from localmodel.environments.formats.definition import Definition
from localmodel.environments.locks import lock as locks
from localmodel.environments.locks.lock import Note
from localmodel.errors import UserError
from localmodel.requirements.faults import invalid
from localmodel.resource.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

DEFINITION = "azureml_environment.json"
CONDA = "conda_dependencies.yml"
DOCKERFILE = "BaseDockerfile"
LOCK = "requirements.lock.txt"

_KEY = "# localmodel: "


def save(version: EnvironmentVersion, path: Path, overwrite: bool = False, note: Note | None = None) -> None:
    """Write the environment's files into the folder `path`, which is made.

    The lock is this machine's, and is resolved if necessary; `note` is passed to `lock.resolve()`.

    Raises:
        UserError: FileExists, if the folder exists and `overwrite` is false; the errors of `lock.resolve()`.
    """
    if not overwrite and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(reasons.FILE_EXISTS, f"{path} is there already; name another folder, or overwrite it")
    spec = version.spec
    lock = here.lock(version, None, note)
    content = azure_json.write(version.name, version.version, spec, version.variables)
    wanted = {
        CONDA: conda.write(spec, version.name),
        LOCK: f"{_KEY}{locks.key(spec, None)}\n{lock.text}",
        DEFINITION: json.dumps(content, indent=4) + "\n",
        DOCKERFILE: spec.dockerfile,
    }
    for name, text in wanted.items():
        if text is None:
            (path / name).unlink(missing_ok=True)
        else:
            user_file.write(path / name, text.encode())


def load(path: Path) -> Definition:
    """The environment that `save()` or Azure ML's SDK has written into the folder.

    If the folder has a lock of exactly this environment for a machine like this one, the environment resolves to it.

    Raises:
        UserError: EnvironmentInvalid, with the file.
    """
    content = _definition(path / DEFINITION)
    text = _read(path / LOCK)
    ours = text is not None and text.startswith(_KEY)
    python = {**(content.get("python") or {})}
    if (path / CONDA).is_file():
        python["condaDependenciesFile"] = CONDA
        python.pop("condaDependencies", None)
    docker = {**(content.get("docker") or {})}
    if (written := _read(path / DOCKERFILE)) is not None:
        docker["baseDockerfile"] = written
    complete = {**content, "python": python, "docker": docker}
    definition = azure_json.read(complete, path, str(path / DEFINITION), ours)
    if text and ours:
        _keep(definition.spec, text, str(path / LOCK))
    return definition


def _definition(path: Path) -> Mapping[str, Any]:
    text = _read(path)
    if text is None:
        raise invalid(str(path.parent), f"holds no environment: there is no {path.name} in it")
    try:
        content = json_text.parse(text.encode())
    except UnreadableError as error:
        raise invalid(str(path), str(error)) from None
    if not isinstance(content, dict):
        raise invalid(str(path), "expected an object")
    return content


def _read(path: Path) -> str | None:
    """The file's text with its line ends unchanged, or None if there is no file."""
    return path.read_bytes().decode("utf-8-sig", "replace") if path.is_file() else None


def _keep(spec: EnvironmentSpec, text: str, where: str) -> None:
    first, _, lock = text.partition("\n")
    if first.removeprefix(_KEY).strip() == locks.key(spec, None):
        locks.keep(spec, locks.read(lock, where), home.store() / "locks")
