"""A target by its name."""

from importlib import import_module

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.target_table import TARGETS, default_name, on_cluster
from localmodel.targets.target import Target


def make(name: str | None = None, context: str | None = None, namespace: str | None = None) -> Target:
    """The target of this name. `context` and `namespace` are a cluster's; the namespace "" means all of them.

    Raises:
        UserError: TargetUnknown; DockerPackageMissing.
    """
    name = name or default_name()
    if name not in TARGETS:
        *others, last = TARGETS
        raise UserError(reasons.TARGET_UNKNOWN, f"unknown target {name!r}; choose {', '.join(others)} or {last}")
    entry = TARGETS[name]
    target = getattr(import_module(entry.module), entry.name)
    made: Target = target(context, namespace) if on_cluster(name) else target()
    return made
