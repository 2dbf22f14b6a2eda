"""Finds events that make a delivery's answers outdated: new or ready nodes, and pods without their image."""

from collections.abc import Iterable, Mapping
from typing import Any

_TROUBLE = ("ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageInspect")


class NodeNews:
    """Tells the few Node events that matter from heartbeats. `nodes` are those that are no news."""

    def __init__(self, nodes: Iterable[Mapping[str, Any]] = ()) -> None:
        self._known = {node["metadata"]["name"]: _state(node) for node in nodes}

    def is_news(self, kind: str | None, node: Mapping[str, Any]) -> bool:
        """Whether the event (its type and the Node) is news: a new node, a change of readiness, or a reboot."""
        name = node["metadata"]["name"]
        if kind == "DELETED":
            self._known.pop(name, None)
            return False
        current = _state(node)
        before, self._known[name] = self._known.get(name), current
        return before != current


def _state(node: Mapping[str, Any]) -> tuple[str, str, str]:
    status = node.get("status", {})
    ready = next(
        (condition["status"] for condition in status.get("conditions", []) if condition["type"] == "Ready"), ""
    )
    return node["metadata"]["uid"], ready, status.get("nodeInfo", {}).get("bootID", "")


def pull_trouble(pods: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a pod waits for an image that its node does not have or cannot get."""
    return any(
        container.get("state", {}).get("waiting", {}).get("reason") in _TROUBLE
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for container in pod.get("status", {}).get("containerStatuses", [])
    )
