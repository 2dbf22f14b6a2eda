"""What a user names - models, an environment - as versions of the store."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.progress import Progress
from localmodel.resource.annotations import model_sources
from localmodel.resource.spec import EnvironmentSpec
from localmodel.project import arguments
from localmodel.project.definition import model_name
from localmodel.store import EnvironmentVersion, ModelVersion, Store

Model = ModelVersion | str | Path
Environment = EnvironmentVersion | EnvironmentSpec | str | Path | Sequence[str]

_CONDA = (".yml", ".yaml")


def each(given: Model | Iterable[Model]) -> list[Model]:
    """What is given, one by one.

    Raises:
        UserError: ArgumentInvalid.
    """
    models = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for model in models:
        if not isinstance(model, ModelVersion | str | Path):
            raise arguments.wrong("models", "ModelVersions, names or paths", model)
    return models


def paths(given: Iterable[Model]) -> dict[str, Path]:
    """The models that are given as paths, by the name under which each is registered."""
    given_paths = [path for model in given if (path := _path(model)) is not None]
    return {model_name(path): path.absolute() for path in given_paths}


def again(manifest: Mapping[str, Any]) -> list[str | Path]:
    """A manifest's models as they were given: by their paths if these still exist, else as `name:version`."""
    sources = model_sources(manifest)
    existing = {name: path for name, path in sources.items() if os.path.lexists(path) and model_name(path) == name}
    named = ((model["name"], model["version"]) for model in manifest["spec"].get("models", []))
    return [existing.get(name) or f"{name}:{version}" for name, version in named]


def environment_file(given: Environment | None) -> Path | None:
    """The absolute path of the file that defines the environment, or None."""
    path = file_of(given)
    return path.absolute() if path else None


def models(given: Iterable[Model], store: Store) -> list[ModelVersion]:
    """The versions, each given as such, as `name`, `name:version` or `name@alias`, or as a path.

    A path's content is registered under its own name, as a new version if the latest is another. A text that is a
    path of something is that; `./name` and `name:1` leave no doubt.

    Raises:
        UserError: ModelNotFound, VersionNotFound, AliasNotFound, ModelFileMissing, ModelTwice.
    """
    versions = [_model(model, store) for model in given]
    for index, model in enumerate(versions):
        for other in versions[:index]:
            if model.name == other.name:
                raise UserError(
                    reasons.MODEL_TWICE, f"model {model.name} is given twice; a deployment has one version of it"
                )
            if model.name.lower() == other.name.lower():
                raise UserError(
                    reasons.MODEL_TWICE,
                    f"models {other.name} and {model.name} differ only in case, and are one folder on some machines; "
                    "choose one of them",
                )
    return versions


def _model(given: Model, store: Store) -> ModelVersion:
    if isinstance(given, ModelVersion):
        return given
    path = _path(given)
    if path is not None:
        return store.models.register(model_name(path), path)
    if isinstance(given, Path) or os.sep in given:
        raise UserError(reasons.MODEL_FILE_MISSING, f"{given}: no such file or folder")
    return store.models.find(given)


def _path(given: Model) -> Path | None:
    """Where the model's files are, if it is given so; a link to nothing is a path, too."""
    if isinstance(given, ModelVersion):
        return None
    path = Path(given).expanduser()
    return path if os.path.lexists(path) else None


def environment(
    given: Environment | None, name: str, store: Store, progress: Progress
) -> EnvironmentVersion | EnvironmentSpec:
    """The environment, given as such, as `name` or `name:version`, as a file, or as a list of requirements.

    Files are requirements.txt, conda's (.yml, .yaml), pyproject.toml, uv.lock, or a Dockerfile. Where nothing says
    which Python it has, it is this program's version; None is that Python alone. What a manifest has no field for (a
    Dockerfile, variables of a conda file) is registered in the store, as `name`.

    Raises:
        UserError: EnvironmentNotFound, VersionNotFound, EnvironmentFileMissing, EnvironmentInvalid;
            RequirementsUnresolvable: a requirement of a list is none.
    """
    if isinstance(given, EnvironmentVersion):
        return given
    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        if not path.is_file():
            if isinstance(given, Path) or os.sep in given or path.suffix in (*_CONDA, ".txt"):
                raise UserError(reasons.ENVIRONMENT_FILE_MISSING, f"{given}: no such environment file")
            return store.environments.find(given)
        spec, variables = _from_file(path, progress)
    else:
        spec = given if isinstance(given, EnvironmentSpec) else EnvironmentSpec(own_python(), tuple(given or ()))
        from localmodel.environments.formats import asked  # few need it

        asked.requirements(spec.requirements, "environment")
        variables = {}
    if variables or spec.dockerfile is not None:
        return store.environments.register(name, spec, variables)
    return spec


def _from_file(path: Path, progress: Progress) -> tuple[EnvironmentSpec, Mapping[str, str]]:
    # few need them
    from localmodel.environments.formats import dockerfile, files

    if "dockerfile" in path.name.lower() and path.suffix not in _CONDA:
        definition = dockerfile.define(path)
    else:
        definition = files.read_packages(path, None, own_python())
    for note in definition.notes:
        progress.note(note)
    return definition.spec, definition.variables


def file_of(given: Environment | None) -> Path | None:
    """The file that defines the environment, where it is given as one."""
    path = Path(given).expanduser() if isinstance(given, str | Path) else None
    return path if path and path.is_file() else None


def own_python() -> str:
    """This program's version of Python, as spec.environment.python has it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
