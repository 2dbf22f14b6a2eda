"""Asks each pod separately for its answer, because the address may lead to any of them."""

from collections.abc import Mapping
from typing import Any

import httpx

from updating.load import ask


class Pods:
    """The pods with a label in a namespace."""

    def __init__(self, api: httpx.Client, namespace: str, selector: str, replicas: int) -> None:
        self._api, self._selector, self._replicas = api, selector, replicas
        self._path = f"/api/v1/namespaces/{namespace}/pods"

    def all_answer(self, state: Mapping[str, int]) -> bool:
        """Whether every pod that is ready answers with the state, and there are as many as wanted."""
        pods = self._api.get(self._path, params={"labelSelector": self._selector}).json()["items"]
        ready = [pod for pod in pods if _is_ready(pod)]
        return len(ready) >= self._replicas and all(self._answers(pod, state) for pod in ready)

    def _answers(self, pod: Mapping[str, Any], state: Mapping[str, int]) -> bool:
        name = pod["metadata"]["name"]
        return bool(ask(self._api, f"{self._path}/{name}:5001/proxy/score") == state)


def _is_ready(pod: Mapping[str, Any]) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod["status"].get("conditions", [])
    )
