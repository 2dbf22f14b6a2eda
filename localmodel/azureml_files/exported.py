"""The input and the result of an export."""

from collections.abc import Mapping
from dataclasses import dataclass

from localmodel.resource.spec import DeploymentSpec, Source

_DEFAULTS = DeploymentSpec("score.py", Source())


@dataclass(frozen=True)
class Model:
    """A model of the deployment. `path` is that of its files in the exported folder, or None for a reference."""

    name: str
    version: int
    path: str | None


@dataclass(frozen=True)
class Exportable:
    """A deployment with everything that it refers to, except the models' files.

    `spec` has the environment filled in; `files` are the code's (path -> content), `variables` the plain values.
    """

    name: str
    labels: Mapping[str, str]
    spec: DeploymentSpec
    files: Mapping[str, bytes]
    variables: Mapping[str, str]
    models: tuple[Model, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """The exported files by path, with notes on what they cannot say and what has to be filled in."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...]


def unsaid(spec: DeploymentSpec, *fields: str) -> list[str]:
    """A note on each of the spec's fields (by their names in `DeploymentSpec`) that is set and cannot be written."""
    names = {
        "local_port": "spec.service.localPort",
        "resources": "spec.resources",
        "pod": "spec.pod",
        "capture": "spec.capture",
        "replicas": "spec.replicas",
        "progress_deadline_seconds": "spec.update.progressDeadlineSeconds",
        "revision_history_limit": "spec.revisionHistoryLimit",
        "suspend": "spec.suspend",
    }
    notes = [
        f"{names[field]}: Azure ML's file has no such field"
        for field in fields
        if getattr(spec, field) != getattr(_DEFAULTS, field)
    ]
    if spec.server.max_request_bytes != _DEFAULTS.server.max_request_bytes:
        notes.append("spec.server.maxRequestBytes: Azure ML has limits of its own")
    return notes
