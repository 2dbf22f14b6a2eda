"""The request that a deployment is asked with where nobody gives one."""

from dataclasses import replace
from pathlib import Path

from localmodel.disk import home
from localmodel.project import applied
from localmodel.project.project import Project
from localmodel.resource import spec
from localmodel.store import Store
from localmodel.targets.target import Target
from localmodel.updates import served_spec


def of(target: Target, name: str, project: Project | None = None) -> Path | str | None:
    """The file of the folder that it was applied from, or the body that a model without a script describes.

    None where there is neither. `project` is the one that it was applied from, if that is known.
    """
    project = project or applied.project_of(target, name)
    if project and project.request.is_file():
        return project.request
    return _of_model(target, name)


def _of_model(target: Target, name: str) -> str | None:
    """What the generated first gate sends; None where the deployment has a script, or no sample is known."""
    wanted = spec.parse(target.manifests(name).deployment["spec"])
    if not wanted.source.is_generated:
        return None
    gate = served_spec.of(replace(wanted, gate=None), Store(home.store())).gate
    return str(gate.requests[0]["body"]) if gate else None
