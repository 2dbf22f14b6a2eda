"""Pods, as the API server lists them and as their servers tell of themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localmodel.revision import APP_ROOT
from localmodel_operator import names
from localmodel_operator.cluster import Object
from localmodel_operator.pods import rollout_status
from localmodel_operator.pods.pod_state import PodState
from localmodel_operator.records.history import Recorded

# Variables that say what a pod was started with, rather than what its workers are to see.
_OF_THE_POD = frozenset(
    f"LOCALMODEL_{name}"
    for name in (
        *("ADMIN_PORT", "ADMIN_KEY", "POD_UID", "OWNER", "EPOCH", "CONTENT", "ENVIRONMENT"),
        *("STATE_FOLDER", "WANTED_FOLDER", "TERMINATION_LOG", "MODEL", "SERVICE_NAME", "SERVICE_NAMESPACE"),
    )
)


@dataclass(frozen=True)
class Pod:
    """A pod. `state` is None while its server does not say, or is not asked; `last` is what it said last."""

    found: Object
    state: PodState | None
    last: PodState | None = None

    @property
    def name(self) -> str:
        return str(self.found["metadata"]["name"])

    @property
    def started_with(self) -> int:
        """Number of the revision that its template is of."""
        return rollout_status.revision(self.found)

    @property
    def is_ready(self) -> bool:
        return rollout_status.is_ready(self.found)

    @property
    def known(self) -> PodState | None:
        """What it serves cannot change without the operator, so what it said last holds while it is silent."""
        return self.state or self.last

    @property
    def serving(self) -> int | None:
        """Number of the revision that it answers with, as far as is known."""
        if not self.is_ready or self.known is None:
            return None
        return int(self.known.revision) if self.known.serving and self.known.revision else None

    def has(self, target: Recorded) -> bool:
        """Whether what it serves, or comes up with, is the revision."""
        if self.known is None or not self.known.content:
            return self.started_with == target.number
        told = (self.known.content, self.known.environment)
        return told == (target.revision.content, target.environment)


def answering(pods: Iterable[Pod], told: int | None = None) -> int | None:
    """The revision that answers; while two do, the older one: only that is certain to be what a caller gets.

    told: what was last told to serve, which is all that is known of a ready pod that has never said anything.
    """
    numbers = (told if pod.known is None and pod.is_ready else pod.serving for pod in pods)
    return min((number for number in numbers if number is not None), default=None)


def heard(pods: Iterable[Pod]) -> int:
    """Epoch of the latest decision that one of them knows of."""
    return max((pod.state.heard for pod in pods if pod.state), default=0)


def behind(pods: Iterable[Pod], target: Recorded, epoch: int) -> list[Pod]:
    """The pods whose servers answer, and that have not heard of the decision."""
    return [pod for pod in pods if pod.state and not (pod.has(target) and pod.state.epoch >= epoch)]


def everywhere(pods: Iterable[Pod], target: Recorded) -> bool:
    """Whether whoever asks is answered by the revision, and no pod can still come up with another."""
    pods = list(pods)
    return any(pod.is_ready for pod in pods) and all(
        pod.serving == target.number if pod.is_ready else pod.has(target) for pod in pods
    )


def cannot_swap(pods: Iterable[Pod], target: Recorded) -> str | None:
    """Why the ready pods cannot load the revision beside the one they serve, or None."""
    ready = [pod for pod in pods if pod.is_ready]
    if not ready:
        return "no pod is ready"
    return next(filter(None, (hindrance(pod, target) for pod in ready if not pod.has(target))), None)


def hindrance(pod: Pod, target: Recorded) -> str | None:
    """Why this pod cannot load the revision, or None."""
    if pod.state is None:
        return "a pod's server does not answer on its admin port"
    if pod.state.environment != target.environment:
        return "the environment has changed"
    if _secrets(pod.found["metadata"]) != _secrets(target.template["metadata"]):
        return "a Secret has changed"
    if inside := _paths_in_image(target.template):
        return f"{', '.join(inside)} is a path in the image"
    return None


def overlay(pod: Pod, target: Recorded) -> dict[str, str | None]:
    """How the variables of the revision differ in kind from those in the pod: name -> value, None for one to remove.

    Values from Secrets are left where they are: the kubelet has put them there, and they never pass through here.
    """
    wanted = {each["name"]: each for each in _variables(target.template)}
    present = {each["name"] for each in _variables(pod.found)}
    changed: dict[str, str | None] = dict.fromkeys(present - wanted.keys() - _OF_THE_POD)
    changed.update(
        {name: each["value"] for name, each in wanted.items() if "value" in each and name not in _OF_THE_POD}
    )
    return changed


def _variables(template: Mapping[str, Any]) -> list[Object]:
    found: list[Object] = template["spec"]["containers"][0].get("env", [])
    return found


def _paths_in_image(template: Mapping[str, Any]) -> list[str]:
    """Variables that name code or models by their place in the image: after a swap they lie elsewhere."""
    return sorted(each["name"] for each in _variables(template) if APP_ROOT in each.get("value", ""))


def _secrets(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("annotations", {}).get(names.SECRETS_ANNOTATION, ""))
