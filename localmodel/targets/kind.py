"""The kind target: kubectl applies, the operator does the work, and its conditions are the progress."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from localmodel import schema
from localmodel.errors import UserError
from localmodel.targets.target import Deployment, Progress

_RESOURCE = f"localmodeldeployments.{schema.API_VERSION.partition('/')[0]}"
_POLL_SECONDS = 0.5
# These sum up the others; their texts come with the result.
_SUMMARIES = ("Ready", "Stalled", "Available")


class KindTarget:
    """See target.Target. `context` is kubectl's; None is its current one."""

    def __init__(self, context: str | None) -> None:
        self._command = ["kubectl"] + (["--context", context] if context else [])

    def apply(self, path: Path, timeout: float | None, progress: Progress) -> list[Deployment]:
        with progress.step("apply") as done:
            applied = _items(self._kubectl("apply", "-k" if path.is_dir() else "-f", str(path), "-o", "json"))
            done(", ".join(f"{item['kind']} {item['metadata']['name']}" for item in applied))
        resources = [item for item in applied if item["kind"] == schema.KIND]
        if not resources:
            raise UserError("InvalidManifest", f"{path}: holds no {schema.KIND}")
        return [self._wait(item, timeout, progress) for item in resources]

    def deployments(self) -> list[Deployment]:
        return [_deployment(item) for item in _items(self._kubectl("get", _RESOURCE, "-o", "json"))]

    def get(self, name: str) -> Deployment:
        return _deployment(self._get(name))

    def logs(self, name: str, follow: bool) -> None:
        selector = self._get(name).get("status", {}).get("selector")
        if not selector:
            raise UserError("NotStarted", f"{name} has no pods yet")
        arguments = ["logs", "--selector", selector, "--prefix", "--tail=-1", "--max-log-requests=100"]
        self._pass_through(*arguments, *(["--follow"] if follow else []))

    def delete(self, name: str) -> None:
        self._kubectl("delete", _RESOURCE, name)

    def _get(self, name: str, namespace: str | None = None) -> dict[str, Any]:
        inside = ["--namespace", namespace] if namespace else []
        resource: dict[str, Any] = json.loads(self._kubectl("get", _RESOURCE, name, *inside, "-o", "json"))
        return resource

    def _wait(self, resource: dict[str, Any], timeout: float | None, progress: Progress) -> Deployment:
        metadata = resource["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        seconds = timeout or resource["spec"]["update"]["progressDeadlineSeconds"]
        end = time.monotonic() + seconds
        told: set[str] = set()
        while True:
            resource = self._get(name, namespace)
            _tell(resource, told, progress)
            ready, stalled = _condition(resource, "Ready"), _condition(resource, "Stalled")
            if ready.get("status") == "True" or ready.get("reason") == "Suspended":
                return _deployment(resource)
            if stalled.get("status") == "True":
                raise UserError(stalled["reason"], f"{name}: {stalled['message']}")
            if time.monotonic() > end:
                said = ready.get("message") or "the operator has not looked at it; does it run (lmd operator run)?"
                raise UserError("ProgressDeadlineExceeded", f"{name} was not ready within {seconds:g} s: {said}")
            time.sleep(_POLL_SECONDS)

    def _kubectl(self, *arguments: str) -> str:
        try:
            result = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise _no_kubectl() from None
        if result.returncode != 0:
            # For an unknown field kubectl prints the whole object before it comes to the point.
            said = result.stderr.strip().rpartition("strict decoding error: ")[2]
            raise UserError("KubectlFailed", f"kubectl {arguments[0]}: {said}")
        return result.stdout

    def _pass_through(self, *arguments: str) -> None:
        sys.stdout.flush()
        try:
            code = subprocess.run([*self._command, *arguments], check=False).returncode
        except FileNotFoundError:
            raise _no_kubectl() from None
        if code != 0:
            raise UserError("KubectlFailed", f"kubectl {arguments[0]} ended with code {code}")


def _no_kubectl() -> UserError:
    return UserError("KubectlMissing", "kubectl is not installed; --target kind needs it (--target process does not)")


def _items(text: str) -> list[dict[str, Any]]:
    content: dict[str, Any] = json.loads(text)
    items: list[dict[str, Any]] = content["items"] if content["kind"].endswith("List") else [content]
    return items


def _condition(resource: dict[str, Any], kind: str) -> dict[str, Any]:
    """The condition, if it speaks of the generation that was applied."""
    generation = resource["metadata"]["generation"]
    for condition in resource.get("status", {}).get("conditions", []):
        if condition["type"] == kind and condition.get("observedGeneration") == generation:
            return dict(condition)
    return {}


def _tell(resource: dict[str, Any], told: set[str], progress: Progress) -> None:
    """Say what the conditions say of this generation and have not said before."""
    for condition in resource.get("status", {}).get("conditions", []):
        current = condition.get("observedGeneration") == resource["metadata"]["generation"]
        if current and condition["type"] not in _SUMMARIES and condition["message"] not in told:
            told.add(condition["message"])
            progress.note(condition["message"])


def _deployment(resource: dict[str, Any]) -> Deployment:
    status, ready = resource.get("status", {}), _condition(resource, "Ready")
    is_ready = ready.get("status") == "True"
    return Deployment(
        name=resource["metadata"]["name"],
        ready=is_ready,
        serving=status.get("revisions", {}).get("serving"),
        url=status.get("url", ""),
        message="" if is_ready else ready.get("message", "waiting for the operator"),
    )
