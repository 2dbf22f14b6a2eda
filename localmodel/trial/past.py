"""A revision of a deployment, of any target, by its number."""

from typing import cast

from localmodel.targets.kind.kind import KindTarget
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.target import Target
from localmodel.trial import kept_on_cluster, kept_on_machine
from localmodel.trial.kept import Kept


def of(target: Target, name: str, number: int) -> Kept:
    """What is kept of the deployment's revision.

    Raises:
        UserError: DeploymentNotFound, RevisionNotFound, StateDamaged; RevisionNotHere, if this machine lacks a part.
    """
    target.get(name)  # raises if there is none
    if isinstance(target, KindTarget):
        return kept_on_cluster.of(target, name, number)
    return kept_on_machine.of(cast(LocalTarget, target).place(name), number)
