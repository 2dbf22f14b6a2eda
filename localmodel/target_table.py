"""The table of targets. A new one is a line here and a module that implements `targets.target.Target`."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A target: `module` and `name` of its class, which is imported when a command needs it.

    `folder`, below the home folder, has its deployments, or is None if a cluster has them.
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
    """The default target: LOCALMODEL_TARGET, or a process."""
    return os.environ.get("LOCALMODEL_TARGET") or DEFAULT


def on_cluster(name: str) -> bool:
    """Whether the target is a cluster, which has a context and namespaces."""
    return TARGETS[name].folder is None


def folders(home: Path) -> dict[str, Path]:
    """The folders of the targets that keep their deployments on this machine, by the target's name."""
    return {name: home / entry.folder for name, entry in TARGETS.items() if entry.folder is not None}
