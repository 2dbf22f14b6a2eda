"""The kind target: kubectl applies, the operator does the work, and its conditions are the progress."""

import contextlib
import json
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localmodel import advice, entry_script, reasons
from localmodel.advice import Known
from localmodel.cluster_records import revisions
from localmodel.cluster_records.names import ABORT_ANNOTATION, PROMOTE_ANNOTATION, RESOURCE, SERVE_ANNOTATION
from localmodel.cluster_records.revisions import RevisionData
from localmodel.disk import home
from localmodel.disk.home import build_log
from localmodel.environments import stored
from localmodel.errors import UserError
from localmodel.output.progress import Progress, check
from localmodel.output.progress import now as show
from localmodel.output.so_far import SoFar
from localmodel.reasons import Reason
from localmodel.resource import manifest as manifests
from localmodel.resource import schema, spec
from localmodel.resource.manifest import Manifests
from localmodel.store import Store
from localmodel.targets import drafts, earlier, standing
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.cluster_view import ClusterView
from localmodel.targets.kind import history as kind_history
from localmodel.targets.kind import plan as kind_plan
from localmodel.targets.kind import pod_captures, pod_metrics, view, watch
from localmodel.targets.kind.events import Events
from localmodel.targets.kind.forward import Forward
from localmodel.targets.kind.kubectl import Kubectl, Object, items
from localmodel.targets.kind.tunnel import Tunnel
from localmodel.targets.machine import known
from localmodel.targets.ports import HOST
from localmodel.targets.standing import Seen
from localmodel.targets.target import DeploymentStatus, Draft, ManifestSource, PastRevision, Planned
from localmodel.updates.plan import Facts

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Annotations that commands write, and manifests do not contain.
_NOT_APPLIED = (_LAST_APPLIED, SERVE_ANNOTATION, PROMOTE_ANNOTATION, ABORT_ANNOTATION)
# Otherwise kubectl reads the schema of the whole API to merge lists by key, which custom resources do not have.
_QUICKLY = "--openapi-patch=false"
# The operator goes on with these for as long as the manifest says, or until a person decides.
_TRIED = (reasons.CANARY_RUNNING, reasons.AWAITING_PROMOTION)
# How URLs end that only the cluster knows
_INSIDE = ".svc/score"
# These sum up the other conditions; their messages come with the result.
_SUMMARIES = ("Ready", "Stalled", "Available")


class KindTarget:
    """Deployments on a cluster. `context` and `namespace` are kubectl's; None means its default.

    The namespace "" means all of them, for `deployments()`, which then names each as `namespace/name`.
    """

    name = "kind"

    def __init__(self, context: str | None = None, namespace: str | None = None) -> None:
        self._kubectl = Kubectl(context, namespace)
        self._events = Events(self._kubectl)
        self._tunnels: dict[str, Tunnel] = {}
        weakref.finalize(self, _close, self._tunnels)
        self._everywhere = namespace == ""

    def apply(self, wanted: ManifestSource, timeout: float | None, progress: Progress) -> list[DeploymentStatus]:
        self._tell_where(progress)
        if isinstance(wanted, Draft):
            wanted = self._kept(wanted)
        with progress.step("apply") as done:
            applied = items(self._apply(wanted))
            done(_words(applied))
        try:
            deployments = [self._bring(resource, timeout, progress) for resource in _ours(applied, wanted)]
        except KeyboardInterrupt as error:
            error.add_note("the cluster has it, and the operator goes on; lmd status shows how it stands")
            raise
        except UserError as error:
            raise UserError(error.reason, advice.more(str(error), _known(wanted))) from None
        for resource in deployments:
            if resource.serving and resource.ready and resource.detail:
                progress.note(resource.detail)
        return deployments

    def _bring(self, resource: Object, timeout: float | None, progress: Progress) -> DeploymentStatus:
        with progress.step(resource["metadata"]["name"]) as done:
            deployment = self._wait(resource, timeout, progress)
            done(f"revision {deployment.serving} serves" if deployment.serving else deployment.why)
        return deployment

    def _tell_where(self, progress: Progress) -> None:
        """Name kubectl's context before anything is written, because it may not be the one that the user thinks of."""
        with contextlib.suppress(UserError):  # a cluster without a configuration, in a pod
            context, namespace = self._kubectl.place()
            progress.note(f"context {context}, namespace {namespace} unless the manifest names one")

    def _apply(self, wanted: ManifestSource, *options: str) -> str:
        if not isinstance(wanted, Path):
            text = json.dumps(_deployment_of(wanted))
            options = (*options, "-f", "-", "-o", "json")
            try:
                return self._kubectl.run("apply", _QUICKLY, *options, text=text)
            except UserError as error:
                if _LAST_APPLIED not in str(error):
                    raise
                # Another tool made it: without a record of what it was made from nothing of it would be taken away.
                return self._kubectl.run("replace", "--save-config", *options, text=text)
        kind = "-k" if wanted.is_dir() else "-f"
        return self._kubectl.run("apply", _QUICKLY, *options, kind, str(wanted), "-o", "json")

    def _kept(self, draft: Draft) -> Manifests:
        """Register what the manifest names, unless it is refused at once."""
        checked = drafts.of(draft)
        wanted = spec.parse(checked.manifests.deployment["spec"])
        if wanted.source.code is not None:
            entry_script.check(stored.code(wanted.source.code, draft.store), wanted.entry_script)
        return draft.keep()

    def deployments(self, choose: Callable[[list[str]], list[str]] = list) -> list[DeploymentStatus]:
        inside = ["--all-namespaces"] if self._everywhere else []
        resources = items(self._kubectl.run("get", RESOURCE, *inside, "-o", "json"))
        named = {_full_name(item) if self._everywhere else item["metadata"]["name"]: item for item in resources}
        return [replace(_deployment(named[name]), name=name) for name in choose([*named])]

    def get(self, name: str) -> DeploymentStatus:
        return _deployment(self._get(name))

    def reach(self, deployment: DeploymentStatus) -> str:
        if not deployment.url.endswith(_INSIDE):
            return deployment.url
        name = deployment.name
        if (tunnel := self._tunnels.get(name)) is not None and not tunnel.is_open:
            self._tunnels.pop(name).close()
        if name not in self._tunnels:
            namespace = self._get(name)["metadata"]["namespace"]
            self._tunnels[name] = Tunnel(self._kubectl, namespace, f"service/{name}", "http")
        return f"http://{HOST}:{self._tunnels[name].port}/score"

    def forward(self, name: str, progress: Progress) -> Forward:
        """What leads a port of this machine to the deployment, wherever its pods are."""
        resource = self._get(name)
        return Forward(self._kubectl, resource["metadata"]["namespace"], revisions.selector(name), progress)

    def metrics(self, name: str) -> list[str]:
        return pod_metrics.of(self._kubectl, self._get(name))

    def in_cluster(self, name: str) -> ClusterView:
        return view.of(self._kubectl, self._events, self._get(name))

    def manifests(self, name: str) -> Manifests:
        resource = self._get(name)
        metadata, spec = resource["metadata"], resource["spec"]
        annotations = {key: text for key, text in metadata.get("annotations", {}).items() if key not in _NOT_APPLIED}
        kept = {"name": name, "namespace": metadata["namespace"], "annotations": annotations}
        config_maps = {}
        if source := spec.get("scoring", {}).get("source", {}).get("configMap"):
            config_map = self._kubectl.get("configmap", source["name"], metadata["namespace"])
            config_maps[source["name"]] = {key: text.encode() for key, text in config_map.get("data", {}).items()}
        manifest = {"apiVersion": schema.API_VERSION, "kind": schema.KIND, "metadata": kept, "spec": spec}
        return Manifests(manifest, config_maps)

    def logs(self, name: str, follow: bool, lines: int | None = None) -> Iterator[str]:
        status = self._get(name).get("status", {})
        build = build_log(status["environment"]) if "environment" in status else None
        if build and build.is_file() and not (lines and status.get("selector")):
            yield from build.read_text(errors="replace").splitlines(keepends=True)[-(lines or 0) :]
        elif not status.get("selector"):
            raise UserError(reasons.NOT_STARTED, f"{name} has no pods yet")
        if status.get("selector"):
            options = [
                f"--selector={status['selector']}",
                f"--tail={lines or -1}",
                "--prefix",
                "--max-log-requests=100",
            ]
            yield from self._kubectl.lines("logs", *options, *(["--follow"] if follow else []))

    def captured(self, name: str, count: int, containing: str = "") -> list[CapturedRequest]:
        return pod_captures.last(self._kubectl, self._get(name), count, containing)

    def start(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        raise _for_manifest(name, f"a pod that has ended starts again by itself; {_scaled(name, 1)}, starts one")

    def stop(self, name: str, progress: Progress) -> DeploymentStatus:
        stops = f"{_scaled(name, 0)}, stops it, until spec.replicas of its manifest is applied again"
        raise _for_manifest(name, stops)

    def restart(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        raise _for_manifest(name, f"kubectl rollout restart deployment/{name} replaces its pods")

    def delete(self, name: str) -> None:
        self._kubectl.run("delete", RESOURCE, name)

    def _get(self, name: str, namespace: str | None = None) -> Object:
        return self._kubectl.get(RESOURCE, name, namespace)

    def plan(self, wanted: ManifestSource, progress: Progress) -> list[Planned]:
        with progress.step("dry run") as done:
            applied = items(self._apply(wanted, "--dry-run=server"))
            done(_words(applied))
        store = wanted.store if isinstance(wanted, Draft) else Store(home.store())
        return [self._planned(one, applied, store) for one in _ours(applied, wanted)]

    def _planned(self, resource: Object, applied: list[Object], store: Store) -> Planned:
        metadata = resource["metadata"]
        live = self._kubectl.find(RESOURCE, metadata["name"], metadata["namespace"])
        return kind_plan.plan_of(self._kubectl, resource, live, applied, store)

    def history(self, name: str) -> list[PastRevision]:
        return kind_history.of(self._kubectl, self._get(name))

    def code(self, name: str, revision: int) -> dict[str, bytes]:
        return {}  # it is in images, and maybe in the store

    def facts(self, name: str, revision: int) -> Facts | None:
        return kind_history.facts(self._kubectl, self._get(name), revision)

    def recorded(self, name: str, revision: int) -> RevisionData | None:
        """All that the operator has recorded of the revision."""
        return kind_history.recorded(self._kubectl, self._get(name), revision)

    def rollback(self, name: str, to: int | None, timeout: float | None, progress: Progress) -> DeploymentStatus:
        resource = self._get(name)
        serving, before = _serving(resource), kind_history.served_before(self._kubectl, resource)
        past = kind_history.of(self._kubectl, resource)
        number = earlier.choose(name, past, serving, before, to).revision
        # An edit of a later generation ends it. The time makes the same number count as a new request.
        asked = (
            f"{SERVE_ANNOTATION}={number} {_against(resource)} {datetime.now(UTC).isoformat(timespec='microseconds')}"
        )
        with progress.step(f"revision {number}") as done:
            annotated = self._annotate(resource, asked)
            stale = _condition(resource, "Stalled").get("message", "")
            deployment = self._wait(annotated, timeout, progress, number, stale)
            done("serves")
        return deployment

    def promote(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        resource, number = self._tried(name)
        with progress.step(f"revision {number}") as done:
            annotated = self._annotate(resource, f"{PROMOTE_ANNOTATION}={number} {_against(resource)}")
            deployment = self._wait(annotated, timeout, progress, number, for_person=False)
            done("serves")
        return deployment

    def abort(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        resource, number = self._tried(name)
        with progress.step(f"revision {number}") as done:
            annotated = self._annotate(resource, f"{ABORT_ANNOTATION}={number} {_against(resource)}")
            try:
                self._wait(annotated, timeout, progress, for_person=False)
            except UserError as error:
                if error.reason != reasons.CANARY_ABORTED:
                    raise
            done("given up")
        return self.get(name)

    def _tried(self, name: str) -> tuple[Object, int]:
        resource = self._get(name)
        number: int | None = resource.get("status", {}).get("canary", {}).get("revision")
        if number is None:
            raise UserError(
                reasons.NOT_TRIED,
                f"no revision of {name} is tried on clients' requests; lmd status shows how it stands",
            )
        return resource, number

    def _annotate(self, resource: Object, asked: str) -> Object:
        metadata = resource["metadata"]
        # Flux takes back what was written in kubectl's own name.
        options = ["--namespace", metadata["namespace"], "--overwrite", "--field-manager=localmodel"]
        annotated: Object = json.loads(
            self._kubectl.run("annotate", RESOURCE, metadata["name"], *options, asked, "-o", "json")
        )
        return annotated

    def _wait(
        self,
        resource: Object,
        timeout: float | None,
        progress: Progress,
        number: int | None = None,
        stale: str = "",
        for_person: bool = True,
    ) -> DeploymentStatus:
        """Wait until the resource is ready, and serves revision `number` unless that is None.

        `stale` is the message of a condition from before the wait. What waits for a person is waited for only if it is
        not `for_person`.
        """
        metadata = resource["metadata"]
        name, namespace = metadata["name"], metadata["namespace"]
        seconds = timeout or resource["spec"]["update"]["progressDeadlineSeconds"]
        command = [*self._kubectl.command, "get", RESOURCE, name, "--namespace", namespace, "--watch", "-o", "json"]
        messages: set[str] = set()
        ready: Object = {}
        so_far = SoFar(progress.note, f"{name}: not ready yet")

        def look() -> None:
            check(progress)
            so_far.look(f": {ready['message']}" if ready.get("message") else "")

        def get() -> Object:
            try:
                return self._get(name, namespace)
            except UserError as error:
                if error.reason != reasons.DEPLOYMENT_NOT_FOUND:
                    raise
                raise UserError(error.reason, f"{name} was deleted while this command waited for it") from None

        for now in watch.changes(command, get, time.monotonic() + seconds, look):
            if _asked(now) != _asked(resource):
                raise UserError(
                    reasons.SUPERSEDED,
                    f"a newer command has changed {name}; this one stops waiting",
                )
            _tell(now, messages, progress)
            ready, stalled = _condition(now, "Ready"), _condition(now, "Stalled")
            if ready:  # nothing is written before the operator has seen it
                show(progress, ready["message"])
            is_ready = ready.get("status") == "True" or ready.get("reason") == reasons.SUSPENDED
            if for_person and number is None and ready.get("reason") in _TRIED:
                progress.note(ready["message"])
                return _deployment(now)
            if is_ready and number in (None, _serving(now)):
                return _deployment(now)
            if is_ready and number and now["metadata"]["generation"] > metadata["generation"]:
                what = "rollback" if for_person else "promotion"
                text = f"{name}: an edit came after the {what}; revision {_serving(now)} serves"
                raise UserError(reasons.ROLLBACK_ENDED, text)
            if stalled.get("status") == "True" and stalled["message"] != stale:
                raise UserError(Reason(stalled["reason"]), f"{name}: {stalled['message']}")
        message = (
            ready.get("message") or "the operator has not looked at it; lmd operator up starts one that does not run"
        )
        raise UserError(reasons.PROGRESS_DEADLINE_EXCEEDED, f"{name} was not ready within {seconds:g} s: {message}")


def _close(tunnels: dict[str, Tunnel]) -> None:
    for tunnel in tunnels.values():
        tunnel.close()


def _for_manifest(name: str, instead: str) -> UserError:
    return UserError(reasons.CLUSTER_DECIDES, f"a cluster runs {name} as its manifest says: {instead}")


def _scaled(name: str, replicas: int) -> str:
    """The command, and the other one for what the spec leaves to an autoscaler."""
    command = f"kubectl scale localmodeldeployment/{name} --replicas={replicas}"
    return f"{command}, or deployment/{name} if it has spec.autoscaling"


def _known(wanted: ManifestSource) -> Known:
    if isinstance(wanted, Path):
        return Known(beside=manifests.beside(wanted))
    return Known(leaves_out=known.leaves_out(_deployment_of(wanted)))


def _deployment_of(wanted: Mapping[str, Any] | Manifests | Draft) -> Mapping[str, Any]:
    manifests = wanted.manifests if isinstance(wanted, Draft) else wanted
    return manifests.deployment if isinstance(manifests, Manifests) else manifests


def _against(resource: Object) -> str:
    """What a request is made against: an edit of a later generation ends it."""
    return f"generation={resource['metadata']['generation']}"


def _words(applied: list[Object]) -> str:
    return ", ".join(f"{item['kind']} {item['metadata']['name']}" for item in applied)


def _ours(applied: list[Object], wanted: ManifestSource) -> list[Object]:
    resources = [item for item in applied if item["kind"] == schema.KIND]
    if not resources:
        raise UserError(reasons.INVALID_MANIFEST, f"{wanted}: holds no {schema.KIND}")
    return resources


def _serving(resource: Object) -> int | None:
    number: int | None = resource.get("status", {}).get("revisions", {}).get("serving")
    return number


def _asked(resource: Object) -> Object:
    """The spec without `replicas`, which do not change what is served, and which an autoscaler may change."""
    return {key: value for key, value in resource["spec"].items() if key != "replicas"}


def _condition(resource: Object, kind: str) -> Object:
    """The condition, if it is about the generation that was applied."""
    generation = resource["metadata"]["generation"]
    for condition in resource.get("status", {}).get("conditions", []):
        if condition["type"] == kind and condition.get("observedGeneration") == generation:
            return dict(condition)
    return {}


def _tell(resource: Object, messages: set[str], progress: Progress) -> None:
    """Print the messages of this generation's conditions that are not in `messages`, and add them to it."""
    for condition in resource.get("status", {}).get("conditions", []):
        current = condition.get("observedGeneration") == resource["metadata"]["generation"]
        if current and condition["type"] not in _SUMMARIES and condition["message"] not in messages:
            messages.add(condition["message"])
            progress.note(condition["message"])


def _full_name(resource: Object) -> str:
    return f"{resource['metadata']['namespace']}/{resource['metadata']['name']}"


def _deployment(resource: Object) -> DeploymentStatus:
    status, ready, durable = resource.get("status", {}), _condition(resource, "Ready"), _condition(resource, "Durable")
    is_ready, numbers = ready.get("status") == "True", status.get("revisions", {})
    detail = durable.get("message", "") if durable.get("status") == "False" else ""
    if degraded := _condition(resource, "Degraded"):
        detail = degraded["message"]
    if is_ready and numbers.get("wanted", _serving(resource)) != _serving(resource):
        detail = ready.get("message", "")  # a revision that was asked for again
    message = "" if is_ready else ready.get("message", "waiting for the operator")
    is_stalled = _condition(resource, "Stalled").get("status") == "True"
    result = standing.judge(Seen(is_ready, message if is_stalled else "", not is_stalled, problem=message))
    return DeploymentStatus(
        name=resource["metadata"]["name"],
        ready=result.ready,
        serving=_serving(resource),
        url=status.get("url", ""),
        message=result.message,
        stalled=result.stalled,
        durable=numbers.get("durable"),
        detail=detail,
        scoring=status.get("scoring", ""),
    )
