"""What speaks against what a delivery believes: nodes that are new or ready again, and pods that lack their image."""

from collections.abc import Iterable, Mapping
from typing import Any

_TROUBLE = ("ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageInspect")


class NodeNews:
    """Tells the few events of Nodes that matter from their heartbeats."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}

    def is_news(self, kind: str | None, node: Mapping[str, Any]) -> bool:
        """Whether the event (its type, and the Node) is news: a node nobody knew, ready or not, or started anew."""
        name = node["metadata"]["name"]
        if kind == "DELETED":
            self._known.pop(name, None)
            return False
        status = node.get("status", {})
        ready = next((each["status"] for each in status.get("conditions", []) if each["type"] == "Ready"), "")
        now = (node["metadata"]["uid"], ready, status.get("nodeInfo", {}).get("bootID", ""))
        before, self._known[name] = self._known.get(name), now
        return before != now


def pull_trouble(pods: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a pod waits because its node has not got, or cannot get, the image."""
    return any(
        container.get("state", {}).get("waiting", {}).get("reason") in _TROUBLE
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for container in pod.get("status", {}).get("containerStatuses", [])
    )
