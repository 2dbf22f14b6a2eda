"""What a user names - models, an environment - as versions of the store."""

import atexit
import difflib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localmodel import mlflow_models, reasons
from localmodel.addresses.address import is_address
from localmodel.errors import UserError
from localmodel.output.paths import absolute
from localmodel.output.progress import Progress
from localmodel.project import arguments
from localmodel.project.definition import model_name
from localmodel.resource.annotations import model_sources
from localmodel.resource.spec import EnvironmentSpec, ModelRef
from localmodel.store import EnvironmentVersion, ModelVersion, Store
from localmodel.store.models import of_content

Model = ModelVersion | str | Path
# What a manifest can name: a version in the store, or an address.
Chosen = ModelVersion | ModelRef
Environment = EnvironmentVersion | EnvironmentSpec | str | Path | Sequence[str]

_CONDA = (".yml", ".yaml")


def as_list(given: Model | Iterable[Model]) -> list[Model]:
    """What is given, one by one.

    Raises:
        UserError: ArgumentInvalid.
    """
    models = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for model in models:
        if not isinstance(model, ModelVersion | str | Path):
            raise arguments.wrong("models", "ModelVersions, names or paths", model)
    return models


def paths(given: Iterable[Model], deployment: str) -> dict[str, Path]:
    """Those of the models that are paths, by the name that each is registered under.

    That is the one before its `=`, or else the deployment's; of several such paths, with the file's behind it.
    """
    there = [named for model in given if (named := _path(model)) is not None]
    several = sum(not name for name, _ in there) > 1
    return {
        name or (f"{deployment}-{model_name(path)}" if several else deployment): absolute(path) for name, path in there
    }


def again(manifest: Mapping[str, Any]) -> list[str]:
    """A manifest's models as they were given: by their paths, where something is there still, or as `name:version`."""
    there = {name: path for name, path in model_sources(manifest).items() if is_there(path)}
    named = {model["name"]: model for model in manifest["spec"].get("models", [])}
    return [
        f"{name}={there[name]}"
        if name in there
        else f"{name}={model['uri']}"
        if "uri" in model
        else f"{name}:{model['version']}"
        for name, model in named.items()
    ]


def at_address(given: Model, otherwise: str) -> ModelRef | None:
    """The model, if it is given as `NAME=ADDRESS` or as an address alone, which is called `otherwise`.

    Those in MLflow are read by fetched().
    """
    name, _, address = ("", "", str(given)) if is_address(str(given)) else str(given).partition("=")
    if isinstance(given, ModelVersion | Path) or not is_address(address) or mlflow_models.is_address(address):
        return None
    return ModelRef(name or otherwise, uri=address)


def is_there(source: Path) -> bool:
    """Whether a model can be read again from where it was read: a path, or an address in MLflow."""
    return os.path.lexists(source) or mlflow_models.is_address(str(source))


def fetched(given: Iterable[Model], deployment: str, progress: Progress) -> tuple[list[Model], dict[str, Path]]:
    """The same with paths in the place of addresses in MLflow, and the addresses by the names of their models.

    What was downloaded is for this program to use, and is removed when it ends.

    Raises:
        UserError: MlflowMissing, MlflowRefused.
    """
    models, addresses = list(given), dict[str, Path]()
    for index, model in enumerate(models):
        name, equals, address = str(model).partition("=")
        if not equals or not mlflow_models.is_address(address):
            name, address = "", str(model)
        if not isinstance(model, ModelVersion) and mlflow_models.is_address(address):
            name = name or (deployment if len(models) == 1 else mlflow_models.model_name(address))
            folder = Path(tempfile.mkdtemp(prefix="localmodel-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            models[index] = f"{name}={mlflow_models.fetch(address, folder, progress)}"
            addresses[name] = Path(address)
    return models, addresses


def environment_file(given: Environment | None) -> Path | None:
    """The absolute path of the file that defines the environment, or None."""
    path = file_of(given)
    return absolute(path) if path else None


def models(given: Iterable[Model], store: Store, deployment: str) -> list[Chosen]:
    """The versions, each given as such, as `name`, `name:version` or `name@alias`, or as a path; or the addresses.

    An address is called what stands before its `=`, or else like the deployment. A path's content is registered under
    the name that paths() says, unless a version of the name has it already. A text that is a path of something is that;
    `./name` and `name:1` leave no doubt.

    Raises:
        UserError: ModelNotFound, VersionNotFound, AliasNotFound, ModelFileMissing, ModelTwice.
    """
    given = list(given)
    names = {path: name for name, path in paths(given, deployment).items()}
    versions = [at_address(model, deployment) or _model(model, store, names) for model in given]
    for index, model in enumerate(versions):
        for other in versions[:index]:
            if model.name == other.name:
                raise UserError(
                    reasons.MODEL_TWICE,
                    f"model {model.name} is given twice, and a deployment has one version of it; "
                    "NAME=PATH gives a path or an address another name",
                )
            if model.name.lower() == other.name.lower():
                raise UserError(
                    reasons.MODEL_TWICE,
                    f"models {other.name} and {model.name} differ only in case, and are one folder on some machines; "
                    "choose one of them",
                )
    return versions


def _model(given: Model, store: Store, names: Mapping[Path, str]) -> ModelVersion:
    if isinstance(given, ModelVersion):
        return given
    if named := _path(given):
        path = absolute(named[1])
        return of_content(store.models, names[path], path)
    if isinstance(given, Path) or os.sep in given:
        raise UserError(reasons.MODEL_FILE_MISSING, f"{given}: no such file or folder{_similar(Path(given))}")
    try:
        return store.models.find(given)
    except UserError as error:
        if error.reason != reasons.MODEL_NOT_FOUND or not Path(given).suffix:
            raise
        known = ", ".join(store.models.records.names()[:10]) or "none"
        raise UserError(
            reasons.MODEL_FILE_MISSING,
            f"{given}: no such file or folder{_similar(Path(given))}; and no model of this name is registered "
            f"(registered are: {known})",
        ) from None


def _similar(path: Path) -> str:
    """A question about a file beside the one that is missing, if the name of one is similar."""
    there = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, there, 1)
    return f"; did you mean {path.with_name(near[0])}?" if near else ""


def _path(given: Model) -> tuple[str, Path] | None:
    """Where the model's files are, if it is given so, and the name before it; a link to nothing is a path, too."""
    if isinstance(given, ModelVersion):
        return None
    whole = Path(given).expanduser()
    if os.path.lexists(whole):
        return "", whole
    name, equals, rest = str(given).partition("=")
    if equals and name and os.sep not in name and os.path.lexists(path := Path(rest).expanduser()):
        return name, path
    return None


@dataclass(frozen=True)
class Packages:
    """An environment: one of the store, or one that was read. What has no field in a manifest is registered."""

    version: EnvironmentVersion | None = None
    spec: EnvironmentSpec = EnvironmentSpec()  # noqa: RUF009 - it is frozen
    variables: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str, store: Store) -> EnvironmentVersion | EnvironmentSpec:
        """As a manifest has it: the store's, as `name`, where it has variables or a Dockerfile."""
        if self.version is None and (self.variables or self.spec.dockerfile is not None):
            return store.environments.register(name, self.spec, self.variables)
        return self.version or self.spec


def environment(
    given: Environment | None, store: Store, progress: Progress, python: str | None = None, otherwise: str = ""
) -> Packages:
    """The environment, given as such, as `name` or `name:version`, as a file, or as a list of requirements.

    Files are requirements.txt, conda's (.yml, .yaml), pyproject.toml, uv.lock, or a Dockerfile. The Python is `python`,
    else what the file says, else `otherwise`, else this program's version; None is that Python alone.

    Raises:
        UserError: EnvironmentNotFound, VersionNotFound, EnvironmentFileMissing, EnvironmentInvalid;
            RequirementsUnresolvable: a requirement of a list is none.
    """
    from localmodel.environments.formats import asked, definition  # few need them

    if python:
        definition.check_python(python)
    if isinstance(given, EnvironmentVersion):
        return Packages(given)
    if isinstance(given, str | Path):
        path = Path(given).expanduser()
        if not path.is_file():
            if isinstance(given, Path) or os.sep in given or path.suffix in (*_CONDA, ".txt"):
                raise UserError(reasons.ENVIRONMENT_FILE_MISSING, f"{given}: no such environment file")
            kept = store.environments.find(given)
            if python and python != kept.spec.python:
                has = f"the environment {kept.name}:{kept.version} has Python {kept.spec.python}"
                raise UserError(
                    reasons.ENVIRONMENT_INVALID, f"python: {python} was asked for, and {has}; name one of them"
                )
            return Packages(kept)
        spec, variables = _from_file(path, progress, python, otherwise or own_python())
    else:
        if not isinstance(given, EnvironmentSpec):
            given = EnvironmentSpec(python or otherwise or own_python(), tuple(given or ()))
        spec = given
        asked.requirements(spec.requirements, "environment")
        variables = {}
    return Packages(None, spec, variables)


def _from_file(
    path: Path, progress: Progress, python: str | None, otherwise: str
) -> tuple[EnvironmentSpec, Mapping[str, str]]:
    # few need them
    from localmodel.environments.formats import dockerfile, files

    if "dockerfile" in path.name.lower() and path.suffix not in _CONDA:
        definition = dockerfile.define(path, python)
    else:
        definition = files.read_packages(path, python, otherwise)
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
