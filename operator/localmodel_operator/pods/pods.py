"""Pods, as the API server lists them and as their servers report them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localmodel.cluster_records import names
from localmodel.updates.revision import APP_ROOT
from localmodel_operator.cluster import Object
from localmodel_operator.pods import rollout_status
from localmodel_operator.pods.pod_state import PodState
from localmodel_operator.records.history import RecordedRevision

MODELS = "LOCALMODEL_MODEL"  # the variable with the models of the image
# Variables about the pod itself instead of for its workers.
_OF_THE_POD = frozenset(
    f"LOCALMODEL_{name}"
    for name in (
        *("ADMIN_PORT", "ADMIN_KEY", "POD_UID", "OWNER", "EPOCH", "CONTENT", "ENVIRONMENT"),
        *("STATE_FOLDER", "WANTED_FOLDER", "TERMINATION_LOG", "MODEL", "SERVICE_NAME", "SERVICE_NAMESPACE"),
        *("PUBLIC_HOST", "PUBLIC_PATH"),
    )
)


@dataclass(frozen=True)
class Pod:
    """A pod. `state` is None if its server does not answer or was not asked; `last_state` is its last answer."""

    object: Object
    state: PodState | None
    last_state: PodState | None = None

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def started_with(self) -> int:
        """The number of the revision in its template."""
        return rollout_status.revision_of(self.object)

    @property
    def placement(self) -> str:
        """The digest of what it was made with beside its revision."""
        return str(self.object["metadata"].get("annotations", {}).get(names.POD_ANNOTATION, ""))

    @property
    def is_ready(self) -> bool:
        return rollout_status.is_ready(self.object)

    @property
    def known_state(self) -> PodState | None:
        """The pod's last answer, which holds because only the operator changes what a pod serves."""
        return self.state or self.last_state

    @property
    def serving(self) -> int | None:
        """The number of the revision that it serves, if that is known."""
        if not self.is_ready or self.known_state is None:
            return None
        return int(self.known_state.revision) if self.known_state.serving and self.known_state.revision else None

    def has(self, target: RecordedRevision) -> bool:
        """Whether it serves the revision, or will after its start."""
        if self.known_state is None or not self.known_state.content:
            return self.started_with == target.number
        served = (self.known_state.content, self.known_state.environment)
        return served == (target.revision.content, target.environment)


def answering_revision(pods: Iterable[Pod], reported: int | None = None) -> int | None:
    """The revision that answers; of two, the older one, because callers may still get it.

    `reported` is the serving revision in the status, which is assumed for a ready pod that has never answered.
    """
    numbers = (reported if pod.known_state is None and pod.is_ready else pod.serving for pod in pods)
    return min((number for number in numbers if number is not None), default=None)


def latest_epoch(pods: Iterable[Pod]) -> int:
    """The epoch of the latest decision that any of the pods knows."""
    return max((pod.state.heard for pod in pods if pod.state), default=0)


def behind(pods: Iterable[Pod], target: RecordedRevision, epoch: int) -> list[Pod]:
    """The pods that answer the operator, and do not know the decision."""
    return [pod for pod in pods if pod.state and not (pod.has(target) and pod.state.epoch >= epoch)]


def everywhere(pods: Iterable[Pod], target: RecordedRevision) -> bool:
    """Whether the revision answers every caller, and no pod can still start with another one."""
    pods = list(pods)
    return any(pod.is_ready for pod in pods) and all(
        pod.serving == target.number if pod.is_ready else pod.has(target) for pod in pods
    )


def swap_obstacle(pods: Iterable[Pod], target: RecordedRevision) -> str | None:
    """Why the ready pods cannot load the revision beside the one that they serve, or None."""
    ready = [pod for pod in pods if pod.is_ready]
    if not ready:
        return "no pod is ready"
    return next(filter(None, (pod_obstacle(pod, target) for pod in ready if not pod.has(target))), None)


def pod_obstacle(pod: Pod, target: RecordedRevision) -> str | None:
    """Why this pod cannot load the revision, or None."""
    if pod.state is None:
        return "a pod's server does not answer on its admin port"
    if pod.state.environment != target.environment:
        return "the environment has changed"
    if _secrets(pod.object["metadata"]) != _secrets(target.template["metadata"]):
        return "a Secret has changed"
    if inside := _paths_in_image(target.template):
        return f"{', '.join(inside)} is a path in the image"
    return None


def overlay(pod: Pod, target: RecordedRevision) -> dict[str, str | None]:
    """The variables to set in the pod for the revision: name -> value, None to remove one.

    Values from Secrets are left as they are: the kubelet has set them, and they never pass through the operator.
    """
    wanted = {variable["name"]: variable for variable in variables(target.template)}
    present = {variable["name"] for variable in variables(pod.object)}
    changed: dict[str, str | None] = dict.fromkeys(present - wanted.keys() - _OF_THE_POD)
    changed.update(
        {name: entry["value"] for name, entry in wanted.items() if "value" in entry and name not in _OF_THE_POD}
    )
    return changed


def variables(template: Mapping[str, Any]) -> list[Object]:
    """The variables of the container of a pod or a template."""
    env: list[Object] = template["spec"]["containers"][0].get("env", [])
    return env


def _paths_in_image(template: Mapping[str, Any]) -> list[str]:
    """The variables that contain a path of code or models in the image, which differs after a swap."""
    return sorted(entry["name"] for entry in variables(template) if APP_ROOT in entry.get("value", ""))


def _secrets(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("annotations", {}).get(names.SECRETS_ANNOTATION, ""))
