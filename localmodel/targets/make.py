"""A target by its name."""

import os

from localmodel.errors import UserError
from localmodel.targets.kind.kind import KindTarget
from localmodel.targets.process import ProcessTarget
from localmodel.targets.target import Target


def default_name() -> str:
    """Where a deployment runs when nobody says: LOCALMODEL_TARGET, or as a process."""
    return os.environ.get("LOCALMODEL_TARGET") or ProcessTarget.name


def make(name: str | None = None, context: str | None = None, namespace: str | None = None) -> Target:
    """The target of this name. `context` and `namespace` are of a cluster; namespace "" is all of them.

    Raises:
        UserError: TargetUnknown; DockerPackageMissing.
    """
    name = name or default_name()
    if name == KindTarget.name:
        return KindTarget(context, namespace)
    if name == ProcessTarget.name:
        return ProcessTarget()
    if name == "docker":
        from localmodel.targets.docker import DockerTarget  # its package is an extra

        return DockerTarget()
    raise UserError("TargetUnknown", f"there is no target {name!r}; there are: process, docker, kind")
