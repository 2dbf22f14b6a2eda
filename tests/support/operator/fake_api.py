"""An API server of plain objects, and the operator's connection to it, which can be made to fail at any call.

What is imitated is what a pass relies on: versions that only grow, 409 for who has read an older one, generations,
server-side apply that takes away what its manager no longer says and no other one has applied, a Deployment without
replicas that has one, and records that never change.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from localmodel_operator import cluster
from localmodel_operator.cluster import Cluster, Kind, PodUnreachableError, UnreachableError
from localmodel_operator.wheels import in_pod

Object = dict[str, Any]
Name = tuple[str, str, str]  # kind, namespace (empty: none), name

KINDS = {
    each.plural: each
    for each in (
        *(cluster.LMD, *cluster.BY_NAME.values(), cluster.GATEWAY),
        *(cluster.POD, cluster.JOB, cluster.NODE, cluster.NAMESPACE, cluster.EVENT),
    )
}
_PATH = re.compile(r"/(?:api|apis)/(?:[^/]+/)?v[^/]+(?:/namespaces/(?P<ns>[^/]+))?/(?P<of>[^/]+)(?:/(?P<name>.+))?")
_WITH_GENERATION = ("LocalModelDeployment", "Deployment")
_KEPT = {"uid", "resourceVersion", "generation"}
_MANAGED = {cluster.DEPLOYMENT.name: "replicas", cluster.INGRESS.name: "ingressClassName"}  # in managedFields
_APPLIED = "applied"  # of an object's metadata: what each manager has applied last, as managedFields would have it


def copied(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, -1))


class Refusal(Exception):
    """An HTTP status and its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Api:
    """Objects by kind, namespace and name. `history` are all versions of resources and pods, in order.

    `unknown` are kinds that this cluster does not have.
    """

    def __init__(self) -> None:
        self.objects: dict[Name, Object] = {}
        self.version = 0
        self.unknown = set[str]()
        self.history: list[tuple[bool, Object]] = []  # whether it was deleted then, and what it was

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self.objects.get((kind.name, namespace, name))

    def all(self, kind: Kind, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[Object]:
        return [
            found
            for (of, where, _), found in self.objects.items()
            if of == kind.name
            and namespace in ("", where)
            and (labels or {}).items() <= found["metadata"].get("labels", {}).items()
        ]

    def put(self, body: Mapping[str, Any]) -> Object:
        """Write an object whole, as it is; the same again is no new version."""
        metadata = body["metadata"]
        name = (body["kind"], metadata.get("namespace", ""), metadata["name"])
        before = self.objects.get(name)
        made = copied(body)
        made["metadata"] |= (
            {key: before["metadata"][key] for key in _KEPT & before["metadata"].keys()} if before else {}
        )
        if before and before == made:
            return before
        self.version += 1
        made["metadata"]["resourceVersion"] = str(self.version)
        made["metadata"].setdefault("uid", f"uid-{self.version}")
        made["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")  # none is new, unless it says so
        if body["kind"] in _WITH_GENERATION:
            edited = before is not None and before["spec"] != made["spec"]
            made["metadata"]["generation"] = (before["metadata"]["generation"] if before else 1) + edited
        self.objects[name] = made
        self._remember(made, deleted=False)
        return made

    def remove(self, found: Mapping[str, Any]) -> None:
        metadata = found["metadata"]
        del self.objects[found["kind"], metadata.get("namespace", ""), metadata["name"]]
        self.version += 1
        self._remember(found, deleted=True)

    def collect(self) -> None:
        """Remove what is owned by nobody who is there any more."""
        there = {found["metadata"]["uid"] for found in self.objects.values()}
        for found in list(self.objects.values()):
            owners = [each["uid"] for each in found["metadata"].get("ownerReferences", [])]
            if owners and there.isdisjoint(owners):
                self.remove(found)

    def _remember(self, found: Mapping[str, Any], *, deleted: bool) -> None:
        if found["kind"] in ("LocalModelDeployment", "Pod"):
            seen = copied(found)
            seen["metadata"]["resourceVersion"] = str(self.version)
            self.history.append((deleted, seen))

    def serve(
        self, method: str, path: str, body: Any, query: Mapping[str, str], content_type: str = "application/json"
    ) -> Any:
        """Answer a request. Raises Refusal."""
        parts = _PATH.fullmatch(path)
        assert parts, path
        kind, namespace = KINDS[parts["of"]], parts["ns"] or ""
        if kind.name in self.unknown:
            raise Refusal(404, "the server could not find the requested resource")
        name, _, subresource = (parts["name"] or "").partition("/")
        if method == "GET" and not name:
            labels = dict(each.split("=") for each in filter(None, query.get("labelSelector", "").split(",")))
            return {"items": self.all(kind, namespace, labels)}
        if method == "POST":
            name = body["metadata"]["name"]
            if self.find(kind, namespace, name):
                raise Refusal(409, f'{kind.plural} "{name}" already exists')
            metadata = {**body["metadata"], "namespace": namespace}
            return self.put({"apiVersion": kind.api_version, "kind": kind.name, **body, "metadata": metadata})
        there = self.find(kind, namespace, name)
        if content_type == "application/apply-patch+yaml" and not subresource:
            if there is not None:
                _check(there, body)
                if query["force"] != "true" and query["fieldManager"] not in there["metadata"].get(_APPLIED, {}):
                    raise Refusal(409, "Apply failed with 1 conflict")
            return self.put(_applied(there, body, query["fieldManager"]))
        if there is None:
            raise Refusal(404, f'{kind.plural} "{name}" not found')
        if method == "GET":
            return there
        _check(there, body)
        if method == "DELETE":
            self.remove(there)
            return {}
        if subresource == "status":
            return self.put({**there, "status": body["status"]})
        if method == "PATCH":
            (_, replaced) = body
            *path_to, last = replaced["path"].strip("/").split("/")
            changed = target = copied(there)
            for step in path_to:
                target = target[int(step) if isinstance(target, list) else step]
            target[int(last) if isinstance(target, list) else last] = replaced["value"]
            return self.put(changed)
        if kind is cluster.REVISION and body["data"] != there["data"]:
            raise Refusal(422, f'{kind.plural} "{name}" is invalid: data: field is immutable')
        return self.put(body)


def _check(there: Mapping[str, Any], body: Any) -> None:
    """Raises Refusal where the caller speaks of another object, or of an older version."""
    if isinstance(body, list):  # a JSON patch that begins with the version
        said = {"resourceVersion": body[0]["value"]}
    else:
        said = body.get("preconditions") or body["metadata"]
    for name in ("uid", "resourceVersion"):
        if said.get(name, there["metadata"][name]) != there["metadata"][name]:
            raise Refusal(409, f"{there['metadata']['name']} was changed: the {name} is another one")


def _applied(there: Mapping[str, Any] | None, body: Mapping[str, Any], manager: str) -> Object:
    applied = {} if there is None else copied(there["metadata"].get(_APPLIED, {}))
    before = applied.pop(manager, {})
    for other in applied.values():
        before = _beyond(before, other)
    made: Object = copied(body) if there is None else _merged(there, before, copied(body))
    made["metadata"][_APPLIED] = {**applied, manager: copied(body)}
    if body["kind"] == cluster.DEPLOYMENT.name:
        made["spec"].setdefault("replicas", 1)
    if field := _MANAGED.get(body["kind"]):
        made["metadata"]["managedFields"] = _managers(field, made["metadata"][_APPLIED])
    return made


def _beyond(ours: Any, theirs: Any) -> Any:
    """What a manager has applied, without what another one has applied, too."""
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return ours
    return {
        key: _beyond(value, theirs.get(key))
        for key, value in ours.items()
        if key not in theirs or isinstance(value, dict)
    }


def _managers(field: str, applied: Mapping[str, Object]) -> list[Object]:
    """The managers of a field of the spec."""
    fields = {"f:spec": {f"f:{field}": {}}}
    return [{"manager": manager, "fieldsV1": fields} for manager, body in applied.items() if field in body["spec"]]


def _merged(there: Any, before: Any, now: Any) -> Any:
    """What was there, without what this manager applied before and does not any more, with what it applies now."""
    if isinstance(there, dict) and isinstance(now, dict):
        old = before if isinstance(before, dict) else {}
        kept = {key: value for key, value in there.items() if key in now or key not in old}
        return {**kept, **{key: _merged(there.get(key), old.get(key), value) for key, value in now.items()}}
    if _is_map(there) and _is_map(now):
        merged = _merged(*({each["name"]: each for each in listed or []} for listed in (there, before, now)))
        return list(merged.values())
    return now


def _is_map(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) and "name" in each for each in value)


@dataclass(frozen=True)
class Call:
    """What an operator has asked for, in words; `changes` whether the answer is not all there is to it."""

    words: str
    changes: bool

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Trouble:
    """What comes in the place of an answer. `done`: the call takes effect. `ends`: the operator gets no further."""

    error: BaseException
    done: bool = False
    ends: bool = False


Act = Callable[[], Any]
Proxy = Callable[[str, str, str, Mapping[str, str], bytes], tuple[int, Object]]
Files = Callable[[str, str, Mapping[str, str]], tuple[str, bytes]]


class Observer(Protocol):
    """Who sees what an operator asks for."""

    def asked(self, call: Call) -> Trouble | None:
        """Before a call: what comes in the place of its answer, if anything does."""

    def wrote(self, call: Call) -> None:
        """Behind a call that has changed something."""


class Connection(Cluster):
    """An operator's connection: its real calls, up to the requests. `api` answers; for pods, `proxy` and `files`."""

    def __init__(self, api: Api, proxy: Proxy, files: Files, observer: Observer) -> None:
        self._server, self._proxy, self._files, self._observer = api, proxy, files, observer
        self.has_ended = False

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        query: Sequence[tuple[str, str]] = (),
        content_type: str = "application/json",
    ) -> Object:
        def act() -> Object:
            try:
                return copied(self._server.serve(method, path, body, dict(query), content_type))  # type: ignore[no-any-return]
            except Refusal as error:
                raise cluster._refusal(error.code, str(error)) from None

        found: Object = await self._through(Call(_words(method, path, body, content_type), method != "GET"), act)
        return found

    async def ask_pod(
        self,
        method: str,
        namespace: str,
        pod: str,
        path: str,
        headers: Mapping[str, str],
        body: cluster.Body | None = None,
        seconds: float | None = None,
    ) -> tuple[int, Object]:
        name = pod.partition(":")[0]
        content = b"".join(body.chunks()) if body else b""
        try:
            answer: tuple[int, Object] = await self._through(
                Call(f"{path} pod", method != "GET"), lambda: self._proxy(namespace, name, path, headers, content)
            )
        except UnreachableError as error:
            raise PodUnreachableError(str(error)) from None
        return answer

    async def download(
        self, namespace: str, pod: str, path: str, headers: Mapping[str, str], file: BinaryIO, most: int
    ) -> Mapping[str, str]:
        try:
            name, content = await self._through(
                Call(f"{path} of a pod", False), lambda: self._files(namespace, pod.partition(":")[0], headers)
            )
        except UnreachableError as error:
            raise PodUnreachableError(str(error)) from None
        file.write(content)
        return {in_pod.NAME_HEADER: name}

    async def _through(self, call: Call, act: Act) -> Any:
        await asyncio.sleep(0)  # others come between, as they do
        if self.has_ended:
            raise asyncio.CancelledError
        trouble = self._observer.asked(call)
        if trouble and not trouble.done:
            self.has_ended = trouble.ends
            raise trouble.error
        before = self._server.version
        answer = act()
        if self._server.version != before:
            self._observer.wrote(call)
        if trouble:
            self.has_ended = trouble.ends
            raise trouble.error
        await asyncio.sleep(0)  # and before the answer is there
        return answer


def _words(method: str, path: str, body: Any, content_type: str) -> str:
    parts = _PATH.fullmatch(path)
    assert parts
    kind, name, verb = KINDS[parts["of"]].name, parts["name"] or "", method.lower()
    if name.endswith("/status"):
        conditions = {each["type"]: each for each in body["status"]["conditions"]}
        lasts = conditions.get("Durable", {}).get("status") == "True"
        return f"status {conditions['Ready']['reason']}{', durable' if lasts else ''}"
    if method == "GET":
        return f"get {kind} {name}" if name else f"list {kind}"
    if kind == "Event":
        return f"event {body['reason']}"
    if method == "POST":
        verb, name = "create", body["metadata"]["name"]
    elif method == "PATCH":
        verb = "put back" if content_type == "application/json-patch+json" else "apply"
    elif method == "PUT":
        verb = "replace"
    told = json.loads(body["data"].get("wanted.json", "{}")) if kind == "ConfigMap" else {}
    about = f" (revision {told['revision']}{', committed' if told['committed'] else ''})" if told else ""
    return f"{verb} {kind} {name}{about}"
