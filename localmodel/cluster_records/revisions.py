"""The content of ControllerRevisions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from localmodel.cluster_records import names
from localmodel.disk import state_file
from localmodel.updates.revision import Revision


@dataclass(frozen=True)
class RevisionData:
    """The `data` of a ControllerRevision, with its spelling. Older operators have written less.

    `inputs` is the digest of the user's wishes; `image` and the pod template serve them. `models` are `name:version`.
    """

    digests: Revision
    inputs: str
    image: str
    environment: str
    template: Mapping[str, Any]
    cause: str = ""
    code: str = ""
    entryScript: str = ""
    models: tuple[str, ...] = ()
    facts: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The data to write."""
        written = {name: value for name, value in asdict(self).items() if value is not None}
        return {**written, "models": list(self.models)}


def record_name(deployment: str, number: int) -> str:
    """The name of a ControllerRevision."""
    return f"{deployment}-r{number}"


def selector(deployment: str) -> str:
    """The label selector of a deployment's ControllerRevisions and other children."""
    return f"{names.DEPLOYMENT_LABEL}={deployment}"


def read(record: Mapping[str, Any]) -> RevisionData:
    """The data of a ControllerRevision.

    Raises:
        Exception: it was not written by the operator.
    """
    return state_file.known(record["data"], RevisionData)


def failure(record: Mapping[str, Any]) -> str:
    """Why the revision does not serve ("Reason: message"), or ""."""
    return str(record["metadata"].get("annotations", {}).get(names.FAILED_ANNOTATION, ""))


def trial_failure(record: Mapping[str, Any]) -> str:
    """Why the revision's trial on clients' requests failed ("Reason: message"), or ""."""
    return str(record["metadata"].get("annotations", {}).get(names.TRIAL_ANNOTATION, ""))
