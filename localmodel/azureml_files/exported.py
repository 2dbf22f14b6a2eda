"""What an export starts from, and what it results in."""

from collections.abc import Mapping
from dataclasses import dataclass

from localmodel.resource.spec import DeploymentSpec, Source

_DEFAULTS = DeploymentSpec("score.py", Source())


@dataclass(frozen=True)
class Model:
    """A model of the deployment: `path` is where its files lie in the exported folder, None: it is referred to."""

    name: str
    version: int
    path: str | None


@dataclass(frozen=True)
class Exportable:
    """A deployment with everything it refers to, but for the models' files.

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
    """Files by path, and what they do not say or what has to be filled in."""

    files: Mapping[str, bytes]
    notes: tuple[str, ...]


def unsaid(spec: DeploymentSpec, *fields: str) -> list[str]:
    """A note on each of the spec's fields (as DeploymentSpec has them) that says something and cannot be written."""
    names = {
        "local_port": "spec.service.localPort",
        "resources": "spec.resources",
        "pod": "spec.pod",
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
