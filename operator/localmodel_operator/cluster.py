"""The Kubernetes API, as far as the operator needs it: plain dicts in and out, a timeout on every call."""

import inspect
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection import electionconfig, leaderelection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from localmodel.cluster_records import names
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

Object = dict[str, Any]

_TIMEOUT = 30  # seconds
_MOST_ANSWERED = 4 * 1024 * 1024  # bytes, of a pod


@dataclass(frozen=True)
class Kind:
    """An API resource: where it lives in URLs and how it calls itself."""

    api_version: str
    plural: str
    name: str

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        root = "/api/" if "/" not in self.api_version else "/apis/"
        parts = [root + self.api_version]
        if namespace:
            parts += ["namespaces", namespace]
        return "/".join([*parts, self.plural, *filter(None, (name, subresource))])


LMD = Kind(f"{names.GROUP}/v1alpha1", "localmodeldeployments", "LocalModelDeployment")
DEPLOYMENT = Kind("apps/v1", "deployments", "Deployment")
REVISION = Kind("apps/v1", "controllerrevisions", "ControllerRevision")
SERVICE = Kind("v1", "services", "Service")
POD = Kind("v1", "pods", "Pod")
NODE = Kind("v1", "nodes", "Node")
NAMESPACE = Kind("v1", "namespaces", "Namespace")
CONFIG_MAP = Kind("v1", "configmaps", "ConfigMap")
SECRET = Kind("v1", "secrets", "Secret")
EVENT = Kind("v1", "events", "Event")
BY_NAME = {kind.name: kind for kind in (DEPLOYMENT, REVISION, SERVICE, CONFIG_MAP, SECRET)}


class RefusedError(Exception):
    """The API server refused a request for good: `code` is the HTTP status, the text is its own message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(Exception):
    """The API server does not answer now; the text says why."""


class UnreadableAnswerError(UnreachableError):
    """The API server's answer cannot be read: it holds an object that is nested too deeply, or a number too long."""


class PodUnreachableError(Exception):
    """The API server has no way to a pod's port now; the text says why."""


class Body(Protocol):
    """What is sent, in pieces."""

    def chunks(self) -> Iterator[bytes]: ...


_UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError)


class _Lease(LeaseLock):
    """The client's own lock, for an API server that is away for a while: that is a "not now", not the end.

    And create() of version 37 passes an argument that the API's method refuses.
    """

    async def get(self, name: str, namespace: str) -> Any:
        try:
            return await super().get(name, namespace)
        except _UNREACHABLE as error:
            return False, ApiException(status=0, reason=str(error))

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        body = client.V1Lease(
            metadata=client.V1ObjectMeta(name=name),
            spec=self.update_lease(election_record),
        )
        try:
            await self.api_instance.create_namespaced_lease(namespace, body)
        except (ApiException, *_UNREACHABLE):
            return False  # another operator was first, or nobody answers
        return True

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        try:
            return await super().update(name, namespace, updated_record)
        except _UNREACHABLE:
            return False


class Cluster:
    """One API server."""

    def __init__(self, configuration: client.Configuration) -> None:
        self.configuration = configuration
        self.api = client.ApiClient(configuration)

    @classmethod
    async def connect(cls, context: str | None) -> "Cluster":
        """Use the kubeconfig's context, or, in a pod and without one named, the pod's service account."""
        configuration = client.Configuration()
        if context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        else:
            await config.load_kube_config(  # type: ignore[no-untyped-call]
                context=context, client_configuration=configuration
            )
        return cls(configuration)

    async def close(self) -> None:
        await self.api.close()  # type: ignore[no-untyped-call]

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """The object, or None where there is none."""
        try:
            return await self._request("GET", kind.path(namespace, name))
        except RefusedError as error:
            if error.code == 404:
                return None
            raise

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> list[Object]:
        """The objects, of all namespaces if none is named."""
        query = [("labelSelector", labels)] if labels else []
        items = (await self._request("GET", kind.path(namespace), query=query))["items"]
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items]

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Object:
        return await self._request("POST", kind.path(namespace), body)

    async def replace(self, kind: Kind, body: Mapping[str, Any]) -> Object:
        """Write the whole object, unless it has changed since `body` was read."""
        return await self._request("PUT", kind.path(body["metadata"]["namespace"], body["metadata"]["name"]), body)

    async def apply(self, body: Mapping[str, Any]) -> Object:
        """Server-side apply of a child: no-ops change nothing, other managers' fields stay."""
        kind = BY_NAME[body["kind"]]
        path = kind.path(body["metadata"]["namespace"], body["metadata"]["name"])
        return await self._apply(path, body, names.FIELD_MANAGER)

    async def put_back(self, found: Mapping[str, Any], container: Mapping[str, Any]) -> Object:
        """Put the container of a Deployment in the place of the one of its name, with all that others have set of it.

        Raises:
            RefusedError: 409, the Deployment has changed since it was `found`.
        """
        metadata, there = found["metadata"], found["spec"]["template"]["spec"]["containers"]
        place = next(index for index, each in enumerate(there) if each["name"] == container["name"])
        body = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "replace", "path": f"/spec/template/spec/containers/{place}", "value": container},
        ]
        path = DEPLOYMENT.path(metadata["namespace"], metadata["name"])
        query = [("fieldManager", names.FIELD_MANAGER)]
        return await self._request("PATCH", path, body, query, "application/json-patch+json")

    async def apply_status(self, owner: Mapping[str, Any], status: Mapping[str, Any]) -> Object:
        """Server-side apply of the status of the LocalModelDeployment `owner`, of that uid only."""
        metadata = owner["metadata"]
        body = {
            "apiVersion": LMD.api_version,
            "kind": LMD.name,
            "metadata": {key: metadata[key] for key in ("name", "namespace", "uid")},
            "status": status,
        }
        path = LMD.path(metadata["namespace"], metadata["name"], "status")
        return await self._apply(path, body, names.STATUS_MANAGER)

    async def annotate(self, kind: Kind, namespace: str, name: str, annotations: Mapping[str, str]) -> None:
        """Add annotations; one that is gone stays gone."""
        found = await self.get(kind, namespace, name)
        if found is None:
            return
        # Not by a patch: it would have the data of a ControllerRevision spelt otherwise than it was sent, and that
        # is refused as a change.
        there = found["metadata"].get("annotations", {})
        await self.replace(kind, {**found, "metadata": {**found["metadata"], "annotations": {**there, **annotations}}})

    async def ask_pod(
        self,
        method: str,
        namespace: str,
        pod: str,
        path: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        seconds: float | None = None,
    ) -> tuple[int, Object]:
        """Ask a port of a pod (`name:port`) through the API server. Returns the status and the JSON it answers with.

        Raises:
            PodUnreachableError: no answer came from the pod itself.
        """
        request = await self.api.param_serialize(
            method,
            f"{POD.path(namespace, pod)}/proxy/{path}",
            header_params={"Accept": "application/json", "Content-Type": "application/octet-stream", **headers},
            auth_settings=["BearerToken"],
        )
        _, url, all_headers, *_ = request
        session = self.api.rest_client.pool_manager
        if session is None:
            raise PodUnreachableError("the API server has not been asked for anything yet")
        data = _pieces(body) if body else None
        try:
            wait = aiohttp.ClientTimeout(total=seconds)
            async with session.request(method, url, headers=all_headers, data=data, timeout=wait) as response:
                told = json_text.parse(await _small(response.content))
                status = int(response.status)
        except (*_UNREACHABLE, ValueError) as error:
            raise PodUnreachableError(f"{type(error).__name__}: {error}") from None
        if not isinstance(told, dict) or told.get("kind") == "Status":  # the API server's own words
            raise PodUnreachableError(str(told.get("message", told) if isinstance(told, dict) else told))
        return status, told

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete the object with that uid; one that is gone, or another of the name, is left alone."""
        try:
            await self._request("DELETE", kind.path(namespace, name), {"preconditions": {"uid": uid}})
        except RefusedError as error:
            if error.code not in (404, 409):
                raise

    async def hold_lease(self, namespace: str, identity: str, lead: Any, lost: Any) -> None:
        """Run `lead()` once this process holds the operator's Lease; cancel it, and run `lost()`, when no more."""
        lock = _Lease("localmodel-operator", namespace, identity, self.api)
        await leaderelection.LeaderElection(electionconfig.Config(lock, 15, 10, 2, lead, lost)).run()

    async def _apply(self, path: str, body: Mapping[str, Any], manager: str) -> Object:
        query = [("fieldManager", manager), ("force", "true")]
        return await self._request("PATCH", path, body, query, "application/apply-patch+yaml")

    async def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        query: Sequence[tuple[str, str]] = (),
        content_type: str = "application/json",
    ) -> Object:
        request = await self.api.param_serialize(
            method,
            path,
            query_params=list(query),
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = await self.api.call_api(*request, _request_timeout=_TIMEOUT)
            content = await response.read()  # type: ignore[no-untyped-call]
        except ApiException as error:
            raise _refusal(error.status or 0, _message(error.body) or str(error.reason)) from None
        except _UNREACHABLE as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from None
        if not 200 <= response.status <= 299:
            raise _refusal(response.status, _message(content) or str(response.reason))
        try:
            result: Object = json_text.parse_loosely(content)
        except UnreadableError as error:
            raise UnreadableAnswerError(f"the API server's answer cannot be read: {error}") from None
        return result


async def _small(answer: aiohttp.StreamReader) -> bytes:
    """A pod's answer; what its user's code may have put in its place has no end.

    Raises:
        ValueError: it is larger than any of a server of ours.
    """
    content = b""
    async for piece in answer.iter_any():
        content += piece
        if len(content) > _MOST_ANSWERED:
            raise ValueError(f"an answer of more than {_MOST_ANSWERED} bytes")
    return content


async def _pieces(body: Body) -> AsyncIterator[bytes]:
    for chunk in body.chunks():
        yield chunk


def _refusal(code: int, message: str) -> RefusedError | UnreachableError:
    """429 and 5xx say "not now", everything else "not this"."""
    return UnreachableError(f"{code} {message}") if code == 429 or code >= 500 else RefusedError(code, message)


def _message(body: str | bytes | None) -> str:
    try:
        return str(json_text.parse_loosely(body.encode() if isinstance(body, str) else body or b"")["message"])
    except (ValueError, KeyError, TypeError):
        return ""


@dataclass(frozen=True)
class Credentials:
    """How to reach an API server, for another client: paths of files, and a bearer token."""

    server: str
    ca: str | None
    certificate: str | None
    key: str | None
    token: str | None


async def credentials(cluster: Cluster) -> Credentials:
    """The credentials of `cluster`, refreshed where the kubeconfig says how."""
    configuration = cluster.configuration
    if configuration.refresh_api_key_hook is not None:
        # the client's hook for kubeconfigs is asynchronous, that for service accounts is not
        refreshed = configuration.refresh_api_key_hook(configuration)
        if inspect.isawaitable(refreshed):
            await refreshed
    token = configuration.api_key.get("BearerToken") or configuration.api_key.get("authorization")
    return Credentials(
        configuration.host,
        configuration.ssl_ca_cert,
        configuration.cert_file,
        configuration.key_file,
        token.split()[-1] if token else None,  # "Bearer TOKEN", or "bearer TOKEN" in a pod
    )


def running_in_pod() -> bool:
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()
