"""The Job that builds a wheel, and what it and its pod say, as plain values."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from localmodel import digests
from localmodel.cluster_records import names, pod_template
from localmodel.cluster_records.ownership import owns
from localmodel.requirements import sources
from localmodel_operator import children
from localmodel_operator.cluster import Object
from localmodel_operator.wheels import in_pod

PORT = 8080
FOLDER = "opt/localmodel/build"  # of the image: this has the script, and the source archive
SCRIPT = f"{FOLDER}/in_pod.py"

_LONGEST_BUILD = 1800  # seconds, with what comes before and after
_LONGEST_NAME = 40  # of the deployment, in the Job's
_LONGEST_CAUSE = 600
# Of fields of spec.pod, those that the place where the pod runs needs.
_NOT_FOR_A_BUILD = ("volumes", "serviceAccountName", "topologySpreadConstraints")
_VARIABLES = {"HOME": "/tmp", "TMPDIR": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}  # noqa: S108 - inside the container
_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"cpu": "2", "memory": "2Gi", "ephemeral-storage": "6Gi"},
}


def body(
    owner: Mapping[str, Any], image: str, pull_policy: str, archive: str, word: str, wishes: Mapping[str, Any]
) -> Object:
    """The Job, which the deployment owns. `archive` is a file in the image's folder, `wishes` is spec.pod.

    Its pod hands out the wheel to who knows the `word`, of which it has the SHA-256.

    One that fails stays with its log until an edit: without it, a pass would begin the same build again. Its pod meets
    the restricted Pod Security Standard, has no token of a service account, and needs no network.
    """
    its = owner["metadata"]
    command = ["/opt/env/bin/python", "-I", f"/{SCRIPT}", str(PORT), hashlib.sha256(word.encode()).hexdigest()]
    command.append(f"/{FOLDER}/{archive}")
    container = {
        "name": "build",
        "image": image,
        "imagePullPolicy": pull_policy,
        "command": command,
        "workingDir": "/tmp",  # noqa: S108 - inside the container
        "env": [{"name": name, "value": value} for name, value in _VARIABLES.items()],
        "ports": [{"name": "wheel", "containerPort": PORT, "protocol": "TCP"}],
        # Ready is the event that brings the pass which takes the wheel.
        "readinessProbe": {"httpGet": {"path": in_pod.READY, "port": PORT}, "periodSeconds": 1, "timeoutSeconds": 5},
        "resources": _RESOURCES,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "4Gi"}}],
    }
    placed = {name: value for name, value in wishes.items() if name not in _NOT_FOR_A_BUILD}
    # Not the label of the deployment's own pods, to which its Service sends requests.
    labels = {**names.MANAGED_BY, names.BUILD_LABEL: its["name"]}
    digest = digests.of_json([image, command]).removeprefix("sha256:")[:10]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": children.metadata(owner, f"{its['name'][:_LONGEST_NAME]}-wheel-{digest}"),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": _LONGEST_BUILD,
            "template": {"metadata": {"labels": labels}, "spec": pod_template.placed(pod, placed)},
        },
    }


def selector(name: str) -> str:
    """The label selector of the pods that build for a deployment."""
    return f"{names.BUILD_LABEL}={name}"


def pod_of(job: Mapping[str, Any], pods: Iterable[Object]) -> Object | None:
    """The Job's pod, if it is there."""
    own = [pod for pod in pods if owns(job["metadata"]["uid"], pod) and "deletionTimestamp" not in pod["metadata"]]
    return own[0] if own else None


def is_built(pod: Mapping[str, Any]) -> bool:
    """Whether the pod hands out the wheel."""
    return _condition(pod, "Ready").get("status") == "True"


def obstacle(pod: Mapping[str, Any]) -> str:
    """Why the pod does not start, or ""."""
    scheduled = _condition(pod, "PodScheduled")
    return f"no node has room: {scheduled.get('message', '')}" if scheduled.get("status") == "False" else ""


def has_ended(job: Mapping[str, Any]) -> str:
    """The type of the condition with which the Job has ended (Complete, Failed), or ""."""
    return next((kind for kind in ("Complete", "Failed") if _condition(job, kind).get("status") == "True"), "")


def failure(job: Mapping[str, Any], pod: Mapping[str, Any] | None) -> str:
    """Why the Job has failed, in one line."""
    statuses = pod.get("status", {}).get("containerStatuses", []) if pod else []
    ended: Mapping[str, Any] = next(
        (status["state"]["terminated"] for status in statuses if "terminated" in status.get("state", {})), {}
    )
    if ended.get("reason") == "OOMKilled":
        return f"it needs more memory than {_RESOURCES['limits']['memory']}"
    if _condition(job, "Failed").get("reason") == "DeadlineExceeded":
        return f"it takes longer than {_LONGEST_BUILD // 60} minutes"
    return cause(str(ended.get("message", ""))) or _condition(job, "Failed").get("message", "its pod has gone")


def cause(output: str) -> str:
    """The line of pip's last lines that says why it failed."""
    lines = [sources.scrub(line.strip()) for line in output.splitlines() if line.strip()]
    ends = [place for place, line in enumerate(lines) if line.startswith("[end of output]")]
    if ends and ends[0]:
        return lines[ends[0] - 1][-_LONGEST_CAUSE:]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines[-1:] or [""])[0][:_LONGEST_CAUSE]


def _condition(of: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions: list[Mapping[str, Any]] = of.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})
