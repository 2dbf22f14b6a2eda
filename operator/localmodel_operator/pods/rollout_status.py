"""Reads the progress of a rollout, and why pods do not become ready, in the user's terms."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localmodel import reasons
from localmodel.cluster_records import names
from localmodel.reasons import Reason
from localmodel_operator.failure import Failure

_INIT_FAILED_EXIT = 3  # the scoring server's exit code if the entry script did not load
# The beginning of its termination message if the script did load, and gave wrong answers
_GATE = "GateFailed: "
_BESIDE = (
    "; pods of the revision before hold theirs until the new ones are ready: spec.update.strategy: Recreate ends them "
    "first"
)
# What the kubelet says of a container that the kernel has killed.
_OUT_OF_MEMORY = "OOMKilled"
# Reasons against the revision itself, and not against the cluster
OF_THE_REVISION = (
    reasons.GATE_FAILED,
    reasons.INIT_FAILED,
    reasons.CRASH_LOOP,
    reasons.OUT_OF_MEMORY,
    reasons.PROGRESS_DEADLINE_EXCEEDED,
)


@dataclass(frozen=True)
class Rollout:
    """The progress of a rollout, which is `complete` if all wanted pods are ready, and no other pod is left.

    `failure` is the obstacle; `stalled` says that waiting will not remove it, `late` that the progress deadline is
    over, `lasted` that all pods of this template were ready once.
    """

    complete: bool
    replicas: int
    failure: Failure | None = None
    stalled: bool = False
    late: bool = False
    lasted: bool = False


def judge(deployment: Mapping[str, Any], pods: Iterable[Mapping[str, Any]], wanted: int) -> Rollout:
    """Sum up a Deployment and its pods, both as the API server returns them."""
    pods = [pod for pod in pods if is_active(pod)]
    new = [pod for pod in pods if revision_of(pod) == wanted]
    ready = [pod for pod in pods if is_ready(pod)]
    status, spec = deployment.get("status", {}), deployment["spec"]
    complete = (
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) == status.get("replicas", 0) == spec["replicas"]
        and status.get("availableReplicas", 0) == spec["replicas"]
        and len(new) == len(pods) == len(ready) == spec["replicas"]
    )
    failure, stalled = (None, False) if complete else _failure(deployment, new, len(pods) > len(new))
    late = not complete and _is_late(deployment)
    lasted = _progressing(deployment).get("reason") == "NewReplicaSetAvailable"
    return Rollout(complete, status.get("replicas", 0), failure, stalled, late, lasted)


def _failure(
    deployment: Mapping[str, Any], pods: list[Mapping[str, Any]], beside_others: bool
) -> tuple[Failure | None, bool]:
    # First, because a quota lets only some of the new pods start: what these say is about the revision.
    for pod in pods:
        if failure := _pod_failure(pod):
            return failure, True
    late = _is_late(deployment)
    # A pod for which there is no room or quota is not missed while another is on its way, or an old one may go for one
    # that is ready.
    is_coming = any(not is_ready(pod) and _is_placed(pod) for pod in pods)
    makes_room = not late and beside_others and any(is_ready(pod) for pod in pods)
    refused = _of_type(deployment, "ReplicaFailure")
    if refused.get("status") == "True" and not is_coming and not makes_room:
        message = f"pods cannot be created: {_forbidden(refused['message'])}"
        return Failure(Reason(refused["reason"]), message), True
    for pod in pods:
        scheduled = _of_type(pod, "PodScheduled")
        if scheduled.get("reason") == reasons.UNSCHEDULABLE and not is_coming:
            cause = scheduled.get("message", "")
            advice = _BESIDE if beside_others and "Insufficient" in cause else ""
            return Failure(reasons.UNSCHEDULABLE, f"no node has room for a pod: {cause}{advice}"), late
    if late:
        return Failure(reasons.PROGRESS_DEADLINE_EXCEEDED, "new pods did not become ready in time; see lmd logs"), True
    return None, False


def _is_late(deployment: Mapping[str, Any]) -> bool:
    """Whether the progress deadline of this template is over."""
    progressing = _progressing(deployment)
    if progressing.get("reason") != reasons.PROGRESS_DEADLINE_EXCEEDED:
        return False
    return bool(progressing.get("lastUpdateTime", "") != _outlived(deployment))


def outlived(deployment: Mapping[str, Any] | None, *, is_edited: bool) -> str:
    """When the deadline of an earlier template was over, for the annotation of the Deployment; "" if it was not.

    The Deployment controller keeps the condition of an older template until it sees progress if the edit leads back to
    a template that it knows. Its time tells this condition from one about the template that there is now.
    """
    if deployment is None or not is_edited:
        return _outlived(deployment or {})
    last = _of_type(deployment, "Progressing")
    return str(last["lastUpdateTime"]) if last.get("reason") == reasons.PROGRESS_DEADLINE_EXCEEDED else ""


def _outlived(deployment: Mapping[str, Any]) -> str:
    return str(deployment.get("metadata", {}).get("annotations", {}).get(names.OUTLIVED_ANNOTATION, ""))


def _progressing(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition Progressing, unless it is about an older template."""
    observed = deployment.get("status", {}).get("observedGeneration", 0)
    return _of_type(deployment, "Progressing") if observed >= deployment["metadata"]["generation"] else {}


def _of_type(holder: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = holder.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _is_placed(pod: Mapping[str, Any]) -> bool:
    return _of_type(pod, "PodScheduled").get("status") == "True"


def _pod_failure(pod: Mapping[str, Any]) -> Failure | None:
    # An error of pulling (ErrImagePull, ImagePullBackOff) is not yet a failure: the kubelet tries again, and a node may
    # list the image late, or a registry not answer. If the image never comes, the progress deadline ends the wait.
    waiting = _waiting(pod)
    if waiting.get("reason") == "CreateContainerConfigError":
        return Failure(reasons.CONTAINER_CONFIG_INVALID, waiting.get("message", ""))
    ended = _ended(pod)
    if not ended:
        return None
    message = (ended.get("message") or "").strip()
    if ended.get("reason") == _OUT_OF_MEMORY:
        text = "the container was killed for lack of memory; raise spec.resources.limits.memory"
        return Failure(reasons.OUT_OF_MEMORY, text)
    if ended.get("exitCode") == _INIT_FAILED_EXIT:
        if message.startswith(_GATE):
            return Failure(reasons.GATE_FAILED, message.removeprefix(_GATE))
        return Failure(reasons.INIT_FAILED, message or "the entry script did not load; see lmd logs")
    if waiting.get("reason") == "CrashLoopBackOff":
        text = f"the container ends with exit code {ended.get('exitCode')}. {message}".strip()
        return Failure(reasons.CRASH_LOOP, text)
    return None


def was_killed_for_memory(pod: Mapping[str, Any], since: float) -> bool:
    """Whether its container was last killed for lack of memory, and that after this time, in seconds since 1970.

    With version 2 of cgroups, the kubelet has the kernel kill the whole container, from 1.28 on.
    """
    container = _container(pod)
    ends = (container.get(state, {}).get("terminated") or {} for state in ("state", "lastState"))
    return any(
        end.get("reason") == _OUT_OF_MEMORY and datetime.fromisoformat(end["finishedAt"]).timestamp() > since
        for end in ends
    )


def _forbidden(message: str) -> str:
    """The API server's refusal without the pod's random name, so that equal refusals have equal texts."""
    _, separator, rest = message.partition(" is forbidden: ")
    return rest if separator else message


def is_active(pod: Mapping[str, Any]) -> bool:
    """Whether the pod counts: it is not being deleted, and not left over from an eviction."""
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") not in (
        "Failed",
        "Succeeded",
    )


def revision_of(pod: Mapping[str, Any]) -> int:
    """The number of the revision of a pod or a pod template."""
    text = pod["metadata"].get("labels", {}).get(names.REVISION_LABEL, "")
    return int(text) if text.isascii() and text.isdecimal() else 0  # whoever can write pods can write labels


def is_ready(pod: Mapping[str, Any]) -> bool:
    return _of_type(pod, "Ready").get("status") == "True"


def is_running(pod: Mapping[str, Any]) -> bool:
    """Whether its container runs, ready or not."""
    return "running" in _container(pod).get("state", {})


def container_id(pod: Mapping[str, Any]) -> str:
    """The id of its container, which a restart changes."""
    return str(_container(pod).get("containerID", ""))


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(iter(pod.get("status", {}).get("containerStatuses", [])), {})


def _waiting(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    waiting: Mapping[str, Any] = _container(pod).get("state", {}).get("waiting", {})
    return waiting


def _ended(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """How the container ended, if it does not run now."""
    container = _container(pod)
    state = container.get("state", {})
    ended: Mapping[str, Any] = state.get("terminated") or container.get("lastState", {}).get("terminated") or {}
    return {} if "running" in state and container.get("ready") else ended
