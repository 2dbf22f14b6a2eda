"""Every target there is: a new one is a line of the table, and a module that does what targets.target.Target says."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """`module` and `name` of the target's class, imported when a command needs it.

    `folder`, below the home folder, keeps its deployments; None: a cluster keeps them.
    """

    module: str
    name: str
    folder: str | None


TARGETS = {
    "process": Entry("localmodel.targets.process", "ProcessTarget", "deployments"),
    "docker": Entry("localmodel.targets.docker", "DockerTarget", "containers"),
    "kind": Entry("localmodel.targets.kind.kind", "KindTarget", None),
}
DEFAULT = "process"


def default_name() -> str:
    """Where a deployment runs when nobody says: LOCALMODEL_TARGET, or as a process."""
    return os.environ.get("LOCALMODEL_TARGET") or DEFAULT


def on_cluster(name: str) -> bool:
    """Whether the target is a cluster, which has a context and namespaces."""
    return TARGETS[name].folder is None


def folders(home: Path) -> dict[str, Path]:
    """The folder of each target that keeps its deployments on this machine, by the target's name."""
    return {name: home / entry.folder for name, entry in TARGETS.items() if entry.folder is not None}
