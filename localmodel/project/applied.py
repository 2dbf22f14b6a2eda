"""The deployment that a PATH was applied as, and the PATH that a deployment was applied from."""

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.project import before
from localmodel.project.place import PathError, Place, names_model
from localmodel.project.project import Project, load
from localmodel.targets.target import Target


def name_of(target: Target, project: Project) -> str:
    """The name of the deployment that was applied from the project's path.

    Raises:
        UserError: DeploymentNotFound; ArgumentInvalid: there are several.
    """
    place = project.place
    if place.is_manifest:
        return project.name
    with contextlib.suppress(UserError):  # a folder that cannot give a name, and was applied with one
        if before.look(target, project.name).is_of(place):
            return project.name
    names = before.of_place(target, place)
    if len(names) > 1:
        raise _several(place, names)
    if not names:
        raise UserError(
            reasons.DEPLOYMENT_NOT_FOUND,
            f"no deployment was applied from {place.path} (target {target.name}); "
            f"lmd apply {shlex.quote(str(place.path))} makes one",
        )
    return names[0]


def named(target: Target, project: Project, progress: Progress) -> Project:
    """The project with the name that it was applied under, where neither an option nor lmd.toml names it.

    Raises:
        UserError: ArgumentInvalid: it has several.
    """
    if project.place.is_manifest or project.settings.name is not None:
        return project
    with contextlib.suppress(PathError):
        if before.look(target, project.name).is_of(project.place):
            return project
    names = before.of_place(target, project.place)
    if len(names) > 1:
        raise _several(project.place, names)
    if not names:
        return project
    progress.note(f"kept from before: --name {names[0]}")
    return replace(project, options=replace(project.options, name=names[0]))


def _several(place: Place, names: Sequence[str]) -> UserError:
    return UserError(
        reasons.ARGUMENT_INVALID, f"{place.path} was applied as {', '.join(names)}; give one of these names"
    )


def path_of(target: Target, name: str) -> Path:
    """Where the deployment was applied from.

    Raises:
        UserError: DeploymentNotFound; SourceUnknown: it was applied as a manifest; SourceMissing.
    """
    origin = before.Before(name, target.manifests(name)).origin
    if not origin:
        raise UserError(reasons.SOURCE_UNKNOWN, f"{name} was applied as a manifest: give the manifest's path")
    if not Path(origin).exists() and not names_model(origin):
        raise UserError(reasons.SOURCE_MISSING, f"{name} was applied from {origin}, which is gone")
    return Path(origin)


def project_of(target: Target, name: str) -> Project | None:
    """The project that the deployment was applied from; None where that cannot be told."""
    with contextlib.suppress(UserError):
        return load(path_of(target, name))
    return None
