"""Reads what the cluster says of a deployment: its conditions, its pods with their nodes, and the Events."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localmodel.errors import UserError
from localmodel.targets.cluster_view import ClusterCondition, ClusterEvent, ClusterPod, ClusterTrial, ClusterView
from localmodel.targets.kind.events import Events
from localmodel.targets.kind.kubectl import Kubectl, Object, items

_MOST_EVENTS = 50
_TRUE = {"True": True, "False": False}


def of(kubectl: Kubectl, read_events: Events, resource: Object) -> ClusterView:
    """What the cluster says. Who may not read pods or Events is told so, and sees the rest."""
    selector, namespace = resource.get("status", {}).get("selector"), resource["metadata"]["namespace"]
    missing: list[str] = []

    def read(kind: str, objects: Callable[[], list[Object]]) -> list[Object]:
        try:
            return objects()
        except UserError as error:
            missing.append(f"{kind}: {error}")
            return []

    def of_selector() -> list[Object]:
        return items(kubectl.run("get", "pods", "--namespace", namespace, f"--selector={selector}", "-o", "json"))

    pods = read("pods", of_selector) if selector else []
    own = frozenset(str(each["metadata"]["uid"]) for each in (resource, *pods))
    found = read("events", lambda: read_events.about(namespace, own))
    return ClusterView(conditions(resource), [*map(pod, pods)], events(found), missing, trial(resource))


def conditions(resource: Mapping[str, Any]) -> list[ClusterCondition]:
    """Its conditions; those of stages stay as they were until they are checked again."""
    generation = resource["metadata"].get("generation")
    return [
        ClusterCondition(
            one["type"],
            _TRUE.get(one["status"]),
            one.get("reason", ""),
            one.get("message", ""),
            one.get("observedGeneration", generation) != generation,
        )
        for one in resource.get("status", {}).get("conditions", [])
    ]


def trial(resource: Mapping[str, Any]) -> ClusterTrial | None:
    """The revision that is tried on clients' requests; None without one."""
    found = resource.get("status", {}).get("canary") or {}
    if "revision" not in found:
        return None
    return ClusterTrial(
        revision=found["revision"],
        is_shadow=found.get("role") == "shadow",
        percent=found.get("percent", 0),
        step=found.get("step", 0),
        requests=found.get("requests", 0),
        errors=found.get("errors", 0),
        changed=found.get("changed"),
    )


def pod(resource: Mapping[str, Any]) -> ClusterPod:
    """A pod as the API server has it."""
    metadata, status = resource["metadata"], resource.get("status", {})
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    waits = [reason for one in containers if (reason := one.get("state", {}).get("waiting", {}).get("reason"))]
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", []))
    phase = str(status.get("phase", "Unknown"))
    state = "ending" if "deletionTimestamp" in metadata else "ready" if ready else waits[0] if waits else phase
    restarts = sum(one.get("restartCount", 0) for one in containers)
    node = resource.get("spec", {}).get("nodeName", "")
    return ClusterPod(metadata["name"], node, state, restarts, metadata.get("creationTimestamp") or "")


def events(found: Sequence[Mapping[str, Any]]) -> list[ClusterEvent]:
    """The last Events, newest first."""
    newest = sorted(map(_event, found), key=lambda event: event.last, reverse=True)
    return newest[:_MOST_EVENTS]


def _event(one: Mapping[str, Any]) -> ClusterEvent:
    times = (one.get("series") or {}).get("lastObservedTime"), one.get("lastTimestamp"), one.get("eventTime")
    about, count = one["involvedObject"], (one.get("series") or {}).get("count") or one.get("count") or 1
    return ClusterEvent(
        next((str(time) for time in times if time), one["metadata"].get("creationTimestamp") or ""),
        f"{about.get('kind', '')} {about.get('name', '')}",
        one.get("type") == "Warning",
        one.get("reason", ""),
        one.get("message", ""),
        count,
    )
