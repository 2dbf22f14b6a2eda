"""`azureml_environment.json`, which Azure ML's SDK writes for what a conda file cannot say."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from localmodel.environments.formats import conda, dockerfile
from localmodel.environments.formats.definition import DEFAULT_PYTHON, Definition, check_python
from localmodel.errors import UserError
from localmodel.requirements.faults import invalid
from localmodel.resource.spec import EnvironmentSpec

# Azure's default image for conda environments; we write it for an environment without an image of its own.
GROUND = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
_GROUNDS = re.compile(r"mcr\.microsoft\.com/azureml/(base|openmpi|intelmpi|minimal|o16n-base)")


def write(name: str, version: int, spec: EnvironmentSpec, variables: Mapping[str, str]) -> dict[str, Any]:
    """The content of the file, without the requirements and the Dockerfile's text, which have files of their own."""
    own = spec.is_own_base
    return {
        "name": name,
        "version": str(version),
        "environmentVariables": dict(variables),
        "python": {
            "userManagedDependencies": own and not spec.requirements,
            "interpreterPath": "python",
            "condaDependenciesFile": None,
            "baseCondaEnvironment": None,
        },
        "docker": {
            "baseImage": None if spec.dockerfile is not None else spec.base_image or GROUND,
            "buildContext": None,
            "baseImageRegistry": {"address": None, "username": None, "password": None},
            "platform": {"os": "Linux", "architecture": "amd64"},
        },
        "inferencingStackVersion": "latest",
    }


def read(content: Mapping[str, Any], folder: Path, where: str, ours: bool = False) -> Definition:
    """The environment; files that it names are below `folder`. `ours` says that `write()` has made it.

    Raises:
        UserError: EnvironmentInvalid.
    """
    python, docker = _section(content, "python", where), _section(content, "docker", where)
    notes = list(_left_out(python, docker, where))
    image = docker.get("baseImage") or None
    text = docker.get("baseDockerfile") or None
    unmanaged = bool(python.get("userManagedDependencies"))
    if text is None and image and (image == GROUND if ours else not unmanaged and _GROUNDS.match(image)):
        if not ours:
            notes.append(
                f"{where}: docker.baseImage: {image} is made for conda; the image of the Python is used instead"
            )
        image = None
    if text is not None:
        image = None
    packages = _packages(python, folder, where, only_python=unmanaged, ours=ours)
    version = packages.spec.python
    if unmanaged and not ours and (text or image):
        version = (dockerfile.define(text) if text else dockerfile.image(image or "")).spec.python
    requirements = () if unmanaged else packages.spec.requirements
    variables = {str(key): str(value) for key, value in (content.get("environmentVariables") or {}).items()}
    return Definition(
        EnvironmentSpec(version, requirements, image, text),
        str(content.get("name") or packages.name),
        {**packages.variables, **variables},
        (*notes, *packages.notes),
    )


def _section(content: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise invalid(where, f"{key}: expected an object")
    return value


def _left_out(python: Mapping[str, Any], docker: Mapping[str, Any], where: str) -> list[str]:
    if docker.get("buildContext"):
        raise invalid(where, "docker.buildContext: only a Dockerfile without files beside it can be used")
    notes = []
    if python.get("interpreterPath") not in (None, "python"):
        notes.append("python.interpreterPath: the image's python3 is used")
    if python.get("baseCondaEnvironment"):
        notes.append("python.baseCondaEnvironment: no conda is used")
    if (docker.get("baseImageRegistry") or {}).get("password"):
        notes.append("docker.baseImageRegistry: not kept; log in with docker login")
    if docker.get("arguments"):
        notes.append("docker.arguments: not kept")
    return [f"{where}: {note}" for note in notes]


def _packages(python: Mapping[str, Any], folder: Path, where: str, only_python: bool, ours: bool) -> Definition:
    inline, named = python.get("condaDependencies"), python.get("condaDependenciesFile")
    if not inline and not named:
        return Definition(EnvironmentSpec())
    source: Path | str = yaml.safe_dump(inline) if inline else folder / str(named)
    try:
        return conda.define(source, folder=folder, options_left_out=not ours)
    except UserError:
        # Azure writes its default beside an image that manages its own packages, and does not use it.
        if only_python:
            return Definition(EnvironmentSpec(check_python(DEFAULT_PYTHON)))
        raise
