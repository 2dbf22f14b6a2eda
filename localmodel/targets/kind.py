"""The kind target: kubectl applies, the operator does the work, and its conditions are the progress."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from localmodel import schema
from localmodel.errors import UserError
from localmodel.home import build_log
from localmodel.manifest import Manifests
from localmodel.targets.target import Deployment, Progress, Wanted

_RESOURCE = f"localmodeldeployments.{schema.API_VERSION.partition('/')[0]}"
_POLL_SECONDS = 0.5
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# These sum up the others; their texts come with the result.
_SUMMARIES = ("Ready", "Stalled", "Available")


class KindTarget:
    """See target.Target. `context` and `namespace` are kubectl's; None is what it takes by itself.

    The namespace "" is all of them, as in the API's own paths: for deployments(), which then gives them as
    `namespace/name`.
    """

    name = "kind"

    def __init__(self, context: str | None = None, namespace: str | None = None) -> None:
        self._command = ["kubectl"]
        self._command += ["--context", context] if context else []
        self._command += ["--namespace", namespace] if namespace else []
        self._everywhere = namespace == ""

    def apply(self, wanted: Wanted, timeout: float | None, progress: Progress) -> list[Deployment]:
        with progress.step("apply") as done:
            applied = _items(self._apply(wanted))
            done(", ".join(f"{item['kind']} {item['metadata']['name']}" for item in applied))
        resources = [item for item in applied if item["kind"] == schema.KIND]
        if not resources:
            raise UserError("InvalidManifest", f"{wanted}: holds no {schema.KIND}")
        return [self._wait(item, timeout, progress) for item in resources]

    def _apply(self, wanted: Wanted) -> str:
        if not isinstance(wanted, Path):
            manifest = wanted.deployment if isinstance(wanted, Manifests) else wanted
            return self._kubectl("apply", "-f", "-", "-o", "json", text=json.dumps(manifest))
        return self._kubectl("apply", "-k" if wanted.is_dir() else "-f", str(wanted), "-o", "json")

    def deployments(self) -> list[Deployment]:
        if not self._everywhere:
            return [_deployment(item) for item in _items(self._kubectl("get", _RESOURCE, "-o", "json"))]
        found = _items(self._kubectl("get", _RESOURCE, "--all-namespaces", "-o", "json"))
        return [replace(_deployment(item), name=_full_name(item)) for item in found]

    def get(self, name: str) -> Deployment:
        return _deployment(self._get(name))

    def manifests(self, name: str) -> Manifests:
        resource = self._get(name)
        metadata, spec = resource["metadata"], resource["spec"]
        annotations = {key: text for key, text in metadata.get("annotations", {}).items() if key != _LAST_APPLIED}
        kept = {"name": name, "namespace": metadata["namespace"], "annotations": annotations}
        config_maps = {}
        if source := spec["scoring"]["source"].get("configMap"):
            inside = ["--namespace", metadata["namespace"]]
            found = json.loads(self._kubectl("get", "configmap", source["name"], *inside, "-o", "json"))
            config_maps[source["name"]] = {key: text.encode() for key, text in found.get("data", {}).items()}
        manifest = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": kept, "spec": spec}
        return Manifests(manifest, config_maps)

    def logs(self, name: str, follow: bool, lines: int | None = None) -> Iterator[str]:
        status = self._get(name).get("status", {})
        build = build_log(status["environment"]) if "environment" in status else None
        if build and build.is_file() and not (lines and status.get("selector")):
            yield from build.read_text(errors="replace").splitlines(keepends=True)[-(lines or 0) :]
        elif not status.get("selector"):
            raise UserError("NotStarted", f"{name} has no pods yet")
        if status.get("selector"):
            options = [
                f"--selector={status['selector']}",
                f"--tail={lines or -1}",
                "--prefix",
                "--max-log-requests=100",
            ]
            yield from self._lines("logs", *options, *(["--follow"] if follow else []))

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

    def _kubectl(self, *arguments: str, text: str | None = None) -> str:
        try:
            result = subprocess.run(
                [*self._command, *arguments], input=text, capture_output=True, text=True, check=False
            )
        except FileNotFoundError:
            raise _no_kubectl() from None
        if result.returncode != 0:
            if "NotFound" in result.stderr and _RESOURCE in result.stderr:
                raise UserError("DeploymentNotFound", f"kubectl: {result.stderr.strip()}")
            # For an unknown field kubectl prints the whole object before it comes to the point.
            said = result.stderr.strip().rpartition("strict decoding error: ")[2]
            raise UserError("KubectlFailed", f"kubectl {arguments[0]}: {said}")
        return result.stdout

    def _lines(self, *arguments: str) -> Iterator[str]:
        try:
            process = subprocess.Popen(
                [*self._command, *arguments], stdout=subprocess.PIPE, text=True, errors="replace"
            )
        except FileNotFoundError:
            raise _no_kubectl() from None
        with process:
            assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
            try:
                yield from process.stdout
            except GeneratorExit:
                process.terminate()
                raise
        if process.returncode != 0:
            raise UserError("KubectlFailed", f"kubectl {arguments[0]} ended with code {process.returncode}")


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


def _full_name(resource: dict[str, Any]) -> str:
    return f"{resource['metadata']['namespace']}/{resource['metadata']['name']}"


def _deployment(resource: dict[str, Any]) -> Deployment:
    status, ready = resource.get("status", {}), _condition(resource, "Ready")
    is_ready = ready.get("status") == "True"
    return Deployment(
        name=resource["metadata"]["name"],
        ready=is_ready,
        serving=status.get("revisions", {}).get("serving"),
        url=status.get("url", ""),
        message="" if is_ready else ready.get("message", "waiting for the operator"),
        stalled=_condition(resource, "Stalled").get("status") == "True",
    )
