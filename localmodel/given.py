"""What a user names - models, an environment - as versions of the store."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from localmodel.definition import model_name
from localmodel.errors import UserError
from localmodel.spec import EnvironmentSpec
from localmodel.store import EnvironmentVersion, ModelVersion, Store

Model = ModelVersion | str | Path
Environment = EnvironmentVersion | EnvironmentSpec | str | Path | Sequence[str]

_CONDA = (".yml", ".yaml")


def models(given: Model | Iterable[Model], store: Store) -> list[ModelVersion]:
    """The versions, each given as such, as `name`, `name:version` or `name@alias`, or as a path.

    A path's content is registered under its own name, as a new version if the latest is another. A text that is a
    path of something is that; `./name` and `name:1` leave no doubt.

    Raises:
        UserError: ModelNotFound, VersionNotFound, AliasNotFound, ModelFileMissing, ModelTwice.
    """
    wanted: Iterable[Model] = [given] if isinstance(given, ModelVersion | str | Path) else given
    found = [_model(model, store) for model in wanted]
    names = [model.name for model in found]
    for name in names:
        if names.count(name) > 1:
            raise UserError("ModelTwice", f"model {name} is given twice; a deployment has one version of a model")
    return found


def _model(given: Model, store: Store) -> ModelVersion:
    if isinstance(given, ModelVersion):
        return given
    path = Path(given).expanduser()
    if path.exists():
        return store.models.register(model_name(path), path)
    if isinstance(given, Path) or os.sep in given:
        raise UserError("ModelFileMissing", f"{given}: no such file or folder")
    return store.models.find(given)


def environment(given: Environment | None, name: str, store: Store) -> EnvironmentVersion | EnvironmentSpec:
    """The environment, given as such, as `name` or `name:version`, as a file of requirements or of conda, or as a
    list of requirements. None is Python alone; where nothing else says so, it is this program's version of Python.

    One that is made from a Dockerfile is registered, as `name`.

    Raises:
        UserError: EnvironmentNotFound, VersionNotFound, EnvironmentFileMissing.
    """
    if isinstance(given, EnvironmentVersion):
        return given
    if isinstance(given, EnvironmentSpec):
        return given if given.dockerfile is None else store.environments.register(name, given)
    if given is None:
        return EnvironmentSpec(python=own_python())
    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        if path.is_file():
            return from_file(path)
        if isinstance(given, Path) or os.sep in given or path.suffix in (*_CONDA, ".txt"):
            raise UserError("EnvironmentFileMissing", f"{given}: no such file of requirements")
        return store.environments.find(given)
    return EnvironmentSpec(python=own_python(), requirements=tuple(given))


def from_file(path: Path) -> EnvironmentSpec:
    """What a file of conda (.yml, .yaml) or of pip requirements asks for."""
    from localmodel.environments import conda, requirements_txt  # few need them

    return conda.read(path) if path.suffix in _CONDA else requirements_txt.read(path)


def own_python() -> str:
    """This program's version of Python, as spec.environment.python has it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
