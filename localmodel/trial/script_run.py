"""Prepares the run of any script in an environment, such as training in the one that will serve the model."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localmodel.disk import home
from localmodel.environments import of_source
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.project import given, lmd_toml, place
from localmodel.project.folder import beside
from localmodel.resource import manifest, spec
from localmodel.store import EnvironmentVersion, Store
from localmodel.store.fetched import from_git
from localmodel.targets.machine.resolve import source_files
from localmodel.trial import interpreters


@dataclass(frozen=True)
class Wish:
    """The command's arguments, at most one that names an environment. `environment` is NAME or NAME:VERSION.

    `python` is a version, for what a file describes.
    """

    script: Path
    environment: str | None = None
    requirements: Path | None = None
    conda: Path | None = None
    manifest: Path | None = None
    python: str | None = None


def prepare(wish: Wish, progress: Progress) -> tuple[Path, dict[str, str]]:
    """The interpreter for the script, built if it does not exist, and the variables of its process.

    Unless the wish says otherwise, it is the environment of the manifest beside the script, or the one that lmd.toml or
    a file there describes, or in the current folder; or else the shell's own.

    Raises:
        UserError: something is missing or does not fit.
    """
    python, variables = _interpreter(wish, progress)
    return python, {**os.environ, **variables, **_activated(python)}


def _interpreter(wish: Wish, progress: Progress) -> tuple[Path, Mapping[str, str]]:
    store = Store(home.store())
    if wish.environment:
        return _stored(store.environments.find(wish.environment), progress)
    if wish.requirements:
        wanted = interpreters.required(wish.requirements, wish.python)
        return interpreters.built(wanted, wish.requirements, progress), {}
    if wish.conda:
        packages = given.environment(wish.conda, store, progress, wish.python)
        return interpreters.built(packages.spec, wish.conda, progress), packages.variables
    path = wish.manifest
    if path is None and not (wish.script.parent / place.SETTINGS).is_file():
        path = interpreters.manifest_beside(wish.script.parent)
    if path is None:
        return _of_folders(wish, store, progress)
    manifests = manifest.read(path)
    wanted_spec = spec.parse(manifests.deployment["spec"])
    reference = wanted_spec.environment_ref
    if wanted_spec.environment_file:
        wanted_spec = from_git.filled_in(wanted_spec, store, progress.note)
        wanted_spec = of_source.filled_in(wanted_spec, source_files(manifests, wanted_spec, store))
    if reference is None:
        return interpreters.built(wanted_spec.environment, None, progress), {}
    try:
        version = store.environments.get(reference.name, reference.version)
    except UserError as error:
        raise UserError(error.reason, f"{path}: spec.environment.ref: {error}") from None
    return _stored(version, progress)


def _of_folders(wish: Wish, store: Store, progress: Progress) -> tuple[Path, Mapping[str, str]]:
    """The environment of the first folder that has one, or else the shell's own."""
    for folder in (wish.script.parent, Path()):
        settings = lmd_toml.read(folder)
        wanted = beside.environment(settings, folder)
        if wanted is not None:
            otherwise = beside.choose(folder).python
            packages = given.environment(wanted, store, progress, wish.python or settings.python, otherwise)
            python = interpreters.built(packages.version or packages.spec, given.file_of(wanted), progress)
            return python, packages.version.variables if packages.version else packages.variables
    if wish.python:
        return interpreters.built(given.environment(None, store, progress, wish.python).spec, None, progress), {}
    return interpreters.current(), {}


def _stored(version: EnvironmentVersion, progress: Progress) -> tuple[Path, Mapping[str, str]]:
    return interpreters.built(version, None, progress), version.variables


def _activated(python: Path) -> dict[str, str]:
    """Variables as in a shell in which the interpreter's environment is active, with unbuffered output."""
    folder = python.parent
    variables = {"PATH": os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)]), "PYTHONUNBUFFERED": "1"}
    if (folder.parent / "pyvenv.cfg").is_file():
        variables["VIRTUAL_ENV"] = str(folder.parent)
    return variables
