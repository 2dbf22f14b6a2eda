"""Reading a rollout: how far the pods are, and if they do not come up, why not, in the user's terms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from localmodel_operator import names

_INIT_FAILED_EXIT = 3  # the scoring server's exit code when the entry script did not load


@dataclass(frozen=True)
class Rollout:
    """`complete`: every wanted pod is of the wanted revision and ready, and no other is left.

    `failure` is (reason, message) of what stands in the way; `stalled` says that waiting will not mend it.
    """

    complete: bool
    serving: int | None
    replicas: int
    failure: tuple[str, str] | None = None
    stalled: bool = False


def judge(deployment: Mapping[str, Any], pods: Iterable[Mapping[str, Any]], wanted: int) -> Rollout:
    """Sum up a Deployment and its pods, both as the API server returns them."""
    pods = [pod for pod in pods if _counts(pod)]
    new = [pod for pod in pods if _revision(pod) == wanted]
    ready = [_revision(pod) for pod in pods if _is_ready(pod)]
    status, spec = deployment.get("status", {}), deployment["spec"]
    complete = (
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == status.get("replicas", 0) == spec["replicas"]
        and status.get("availableReplicas", 0) == spec["replicas"]
        and len(new) == len(pods) == len(ready) == spec["replicas"]
    )
    failure, stalled = (None, False) if complete else _failure(deployment, new)
    # while two revisions answer, only the older one is certain to be what a caller gets
    return Rollout(complete, min(ready, default=None), status.get("replicas", 0), failure, stalled)


def _failure(deployment: Mapping[str, Any], pods: list[Mapping[str, Any]]) -> tuple[tuple[str, str] | None, bool]:
    conditions = {condition["type"]: condition for condition in deployment.get("status", {}).get("conditions", [])}
    refused = conditions.get("ReplicaFailure", {})
    if refused.get("status") == "True":
        return (refused["reason"], f"pods cannot be created: {_forbidden(refused['message'])}"), True
    for pod in pods:
        if failure := _pod_failure(pod):
            return failure, True
    progressing = conditions.get("Progressing", {})
    late = progressing.get("reason") == "ProgressDeadlineExceeded"
    for pod in pods:
        scheduled = _condition(pod, "PodScheduled")
        if scheduled.get("reason") == "Unschedulable":
            return ("Unschedulable", f"no node has room for a pod: {scheduled.get('message', '')}"), late
    if late:
        return ("ProgressDeadlineExceeded", "new pods did not become ready in time; see lmd logs"), True
    return None, False


def _pod_failure(pod: Mapping[str, Any]) -> tuple[str, str] | None:
    waiting = _waiting(pod)
    if waiting.get("reason") == "CreateContainerConfigError":
        return "ContainerConfigInvalid", waiting.get("message", "")
    ended = _ended(pod)
    if not ended:
        return None
    message = (ended.get("message") or "").strip()
    if ended.get("reason") == "OOMKilled":
        return "OutOfMemory", "the container was killed for lack of memory; raise spec.resources.limits.memory"
    if ended.get("exitCode") == _INIT_FAILED_EXIT:
        return "InitFailed", message or "the entry script did not load; see lmd logs"
    if waiting.get("reason") == "CrashLoopBackOff":
        return "CrashLoop", f"the container ends with exit code {ended.get('exitCode')}. {message}".strip()
    return None


def _forbidden(message: str) -> str:
    """The API server's refusal without the pod's random name, so that equal refusals read equal."""
    _, separator, rest = message.partition(" is forbidden: ")
    return rest if separator else message


def _counts(pod: Mapping[str, Any]) -> bool:
    """Whether the pod is one of those that are wanted: not on its way out, not left over from an eviction."""
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") not in (
        "Failed",
        "Succeeded",
    )


def _revision(pod: Mapping[str, Any]) -> int:
    return int(pod["metadata"]["labels"].get(names.REVISION_LABEL, 0))


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return _condition(pod, "Ready").get("status") == "True"


def _condition(pod: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = pod.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(iter(pod.get("status", {}).get("containerStatuses", [])), {})


def _waiting(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    waiting: Mapping[str, Any] = _container(pod).get("state", {}).get("waiting", {})
    return waiting


def _ended(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the container ended, if it is not running now."""
    container = _container(pod)
    state = container.get("state", {})
    ended: Mapping[str, Any] = state.get("terminated") or container.get("lastState", {}).get("terminated") or {}
    return {} if "running" in state and container.get("ready") else ended
