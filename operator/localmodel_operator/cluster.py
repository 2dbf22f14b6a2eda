"""The calls to the Kubernetes API that the operator needs, with plain dicts, and a timeout for every call."""

import asyncio
import contextlib
import inspect
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import aiohttp
import yaml
from kubernetes.aio import client, config, watch
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection import electionconfig, leaderelection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

from localmodel import reasons
from localmodel.cluster_records import autoscaling, names
from localmodel.errors import UserError
from localmodel_untrusted import json_text
from localmodel_untrusted.files import UnreadableError

Object = dict[str, Any]

_TIMEOUT = 30  # seconds
_LEASE_NAME = "localmodel-operator"
_LONGEST_DOWNLOAD = 300  # seconds
_MOST_ANSWERED = 4 * 1024 * 1024  # bytes, in a pod's answer
_PAGE = 100  # objects of a list: a thousand are many megabytes, several times over


@dataclass(frozen=True)
class Kind:
    """An API resource, with its names in URLs and in objects."""

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
JOB = Kind("batch/v1", "jobs", "Job")
LEASE = Kind("coordination.k8s.io/v1", "leases", "Lease")
AUTOSCALER = Kind(autoscaling.API_VERSION, "horizontalpodautoscalers", autoscaling.KIND)
INGRESS = Kind("networking.k8s.io/v1", "ingresses", "Ingress")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "httproutes", "HTTPRoute")
GATEWAY = Kind("gateway.networking.k8s.io/v1", "gateways", "Gateway")
BY_NAME = {
    kind.name: kind for kind in (DEPLOYMENT, REVISION, SERVICE, CONFIG_MAP, SECRET, AUTOSCALER, INGRESS, HTTP_ROUTE)
}


class RefusedError(Exception):
    """The API server refused a request for good. `code` is the HTTP status, the text is its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(Exception):
    """The API server does not answer at the moment; the text says why."""


class UnreadableAnswerError(UnreachableError):
    """The API server's answer cannot be read, because an object is nested too deeply or a number is too long."""


class PodUnreachableError(Exception):
    """The API server cannot reach a pod's port at the moment; the text says why."""


class TooMuchError(Exception):
    """A pod's answer has no end, or takes too long to come to it; the text says which."""


class Body(Protocol):
    """The body of a request, in pieces."""

    def chunks(self) -> Iterator[bytes]: ...


_UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError)


class _Lease(LeaseLock):
    """The client's lock, which also survives an API server that does not answer for a while.

    It mends `create()` of version 37, too, which passes an argument that the API's method refuses.
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
            return False  # another operator was first, or the API server does not answer
        return True

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        try:
            return await super().update(name, namespace, updated_record)
        except _UNREACHABLE:
            return False


class Cluster:
    """A client for one API server."""

    def __init__(self, configuration: client.Configuration) -> None:
        self.configuration = configuration
        # An API server that is busy, or has just been told of our kind, says when to read again.
        configuration.client_go_retries = True
        self.api = client.ApiClient(configuration)

    @classmethod
    async def connect(cls, context: str | None) -> "Cluster":
        """Connect with the kubeconfig's context, or with the pod's service account if no context is named in a pod.

        Raises:
            UserError: ClusterUnreachable, if that names no API server.
        """
        configuration = client.Configuration()
        if context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            place, connecting = "the pod's service account", _as_pod(configuration)
        else:
            files = os.environ.get("KUBECONFIG") or "~/.kube/config"
            place, connecting = f"the kubeconfig {files}", _by_kubeconfig(configuration, files, context)
        try:
            await connecting
        except (config.ConfigException, yaml.YAMLError, OSError) as error:
            raise _no_way(place, " ".join(str(error).split())) from None
        except (TypeError, AttributeError, LookupError, ValueError):
            raise _no_way(place, "it is not a mapping of clusters, users and contexts") from None
        return cls(configuration)

    async def close(self) -> None:
        await self.api.close()  # type: ignore[no-untyped-call]

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """The object, or None if it does not exist."""
        try:
            return await self._request("GET", kind.path(namespace, name))
        except RefusedError as error:
            if error.code == 404:
                return None
            raise

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> list[Object]:
        """The objects in a namespace, or in all namespaces if none is named."""
        query = [("labelSelector", labels)] if labels else []
        items = (await self._request("GET", kind.path(namespace), query=query))["items"]
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items]

    async def pages(self, kind: Kind, namespace: str | None) -> AsyncIterator[tuple[Sequence[Object], str]]:
        """The objects in a namespace, or in all namespaces if none is named, in pages, and the version of the list."""
        more = ""
        while True:
            query = [("limit", str(_PAGE)), *([("continue", more)] if more else [])]
            page = await self._request("GET", kind.path(namespace), query=query)
            yield page["items"], page["metadata"]["resourceVersion"]
            more = page["metadata"].get("continue", "")
            if not more:
                return

    async def changes(
        self, kind: Kind, namespace: str | None, version: str, seconds: int
    ) -> AsyncIterator[tuple[str, Object]]:
        """What happens to the objects of a custom kind after this version of a list: events' types and objects.

        Raises:
            UnreachableError: the API server does not answer, or no longer knows what has happened.
        """
        group, _, api_version = kind.api_version.partition("/")
        custom = client.CustomObjectsApi(self.api)
        place = (group, api_version, namespace, kind.plural) if namespace else (group, api_version, kind.plural)
        method = custom.list_namespaced_custom_object if namespace else custom.list_cluster_custom_object
        events = watch.Watch()  # type: ignore[no-untyped-call]
        following = events.stream(method, *place, resource_version=version, timeout_seconds=seconds)  # type: ignore[no-untyped-call]
        try:
            async for event in following:
                yield event["type"], event["object"]
        except (ApiException, *_UNREACHABLE, ValueError) as error:
            raise UnreachableError(f"{type(error).__name__}: {error}") from None

    async def create(self, kind: Kind, namespace: str, body: Mapping[str, Any]) -> Object:
        return await self._request("POST", kind.path(namespace), body)

    async def replace(self, kind: Kind, body: Mapping[str, Any]) -> Object:
        """Replace the whole object, unless it has changed since `body` was read."""
        return await self._request("PUT", kind.path(body["metadata"]["namespace"], body["metadata"]["name"]), body)

    async def apply(self, body: Mapping[str, Any], *, force: bool = True) -> Object:
        """Server-side apply of a child, which keeps fields of other managers, and changes nothing without need.

        Raises:
            RefusedError: 409 without `force`, if others have given one of its fields another value.
        """
        kind = BY_NAME[body["kind"]]
        path = kind.path(body["metadata"]["namespace"], body["metadata"]["name"])
        return await self._apply(path, body, names.FIELD_MANAGER, force=force)

    async def hand_over_replicas(self, deployment: Mapping[str, Any]) -> None:
        """Leave the number of pods to others: it stays what it is when the operator no longer applies it.

        Raises:
            RefusedError: 409, if the Deployment has changed since it was read as `deployment`.
        """
        metadata = deployment["metadata"]
        body = {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.name,
            "metadata": {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion")},
            "spec": {"replicas": deployment["spec"]["replicas"]},
        }
        await self._apply(DEPLOYMENT.path(metadata["namespace"], metadata["name"]), body, names.REPLICAS_MANAGER)

    async def put_back(self, deployment: Mapping[str, Any], container: Mapping[str, Any]) -> Object:
        """Replace a Deployment's container of the same name, with everything that others have set in it.

        Raises:
            RefusedError: 409, if the Deployment has changed since it was read as `deployment`.
        """
        metadata, containers = deployment["metadata"], deployment["spec"]["template"]["spec"]["containers"]
        place = next(index for index, candidate in enumerate(containers) if candidate["name"] == container["name"])
        body = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
            {"op": "replace", "path": f"/spec/template/spec/containers/{place}", "value": container},
        ]
        path = DEPLOYMENT.path(metadata["namespace"], metadata["name"])
        query = [("fieldManager", names.FIELD_MANAGER)]
        return await self._request("PATCH", path, body, query, "application/json-patch+json")

    async def apply_status(self, owner: Mapping[str, Any], status: Mapping[str, Any]) -> Object:
        """Server-side apply of the status of the LocalModelDeployment `owner`, with its uid only."""
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
        """Add annotations to the object, if it still exists."""
        current = await self.get(kind, namespace, name)
        if current is None:
            return
        # Not with a patch, which would respell the data of a ControllerRevision, and be refused as a change.
        existing = current["metadata"].get("annotations", {})
        await self.replace(
            kind, {**current, "metadata": {**current["metadata"], "annotations": {**existing, **annotations}}}
        )

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
        """Send a request to a port of a pod (`name:port`) through the API server; return the status and the JSON.

        Raises:
            PodUnreachableError: the pod itself did not answer.
        """
        place = f"{POD.path(namespace, pod)}/proxy/{path}"
        all_headers = {"Accept": "application/json", "Content-Type": "application/octet-stream", **headers}
        wait, data = aiohttp.ClientTimeout(total=seconds), _pieces(body) if body else None
        async with self._proxied(method, place, all_headers, wait, data) as response:
            answer = json_text.parse(await _small(response.content))
            status = int(response.status)
        if not isinstance(answer, dict) or answer.get("kind") == "Status":  # an answer of the API server itself
            raise PodUnreachableError(str(answer.get("message", answer) if isinstance(answer, dict) else answer))
        return status, answer

    @contextlib.asynccontextmanager
    async def _proxied(
        self,
        method: str,
        place: str,
        headers: Mapping[str, str],
        wait: aiohttp.ClientTimeout,
        data: AsyncIterator[bytes] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer of a pod behind the API server, with no redirect followed: that would use the operator's rights.

        Raises:
            PodUnreachableError: it does not answer, or what it answers cannot be read.
        """
        request = await self.api.param_serialize(
            method, place, header_params=dict(headers), auth_settings=["BearerToken"]
        )
        _, url, all_headers, *_ = request
        session = self.api.rest_client.pool_manager
        if session is None:
            raise PodUnreachableError("the API server has not been asked for anything yet")
        try:
            async with session.request(
                method, url, headers=all_headers, data=data, timeout=wait, allow_redirects=False
            ) as response:
                if 300 <= response.status <= 399:
                    raise PodUnreachableError(f"HTTP {response.status}, a redirect, which is not followed")
                yield response
        except (*_UNREACHABLE, ValueError) as error:
            raise PodUnreachableError(f"{type(error).__name__}: {error}") from None

    async def download(
        self, namespace: str, pod: str, path: str, headers: Mapping[str, str], file: BinaryIO, most: int
    ) -> Mapping[str, str]:
        """Write what a port of a pod (`name:port`) answers to a GET into the file; return the answer's headers.

        Raises:
            PodUnreachableError: the pod itself did not answer.
            TooMuchError: it answers with more than `most` bytes, or takes too long.
        """
        try:
            async with asyncio.timeout(_LONGEST_DOWNLOAD):  # a pod may send a byte now and then for ever
                return await self._downloaded(f"{POD.path(namespace, pod)}/proxy/{path}", headers, file, most)
        except TimeoutError:
            raise TooMuchError(f"it takes longer than {_LONGEST_DOWNLOAD} s") from None

    async def _downloaded(self, place: str, headers: Mapping[str, str], file: BinaryIO, most: int) -> Mapping[str, str]:
        size, wait = 0, aiohttp.ClientTimeout(sock_read=_TIMEOUT)
        async with self._proxied("GET", place, headers, wait) as response:
            if response.status != 200:
                raise PodUnreachableError(_message(await _small(response.content)) or f"HTTP {response.status}")
            async for piece in response.content.iter_any():
                size += len(piece)
                if size > most:
                    raise TooMuchError(f"it has more than {most >> 20} MB")
                file.write(piece)
            return dict(response.headers)

    async def ask_service(self, namespace: str, name: str, path: str, seconds: float) -> tuple[int, str | None]:
        """Send a GET to a Service's port `http` through the API server; return the status and the revision's header.

        Raises:
            PodUnreachableError: no pod answered.
        """
        place, wait = f"{SERVICE.path(namespace, f'{name}:http')}/proxy/{path}", aiohttp.ClientTimeout(total=seconds)
        async with self._proxied("GET", place, {"Accept": "application/json"}, wait) as response:
            content = await _small(response.content)
        revision = response.headers.get("x-localmodel-revision")
        if revision is None and (message := _message(content)):  # an answer of the API server itself
            raise PodUnreachableError(message)
        return int(response.status), revision

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete the object if it exists with this uid; another one of the same name is left alone."""
        try:
            options = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}  # else a Job's pods stay
            await self._request("DELETE", kind.path(namespace, name), options)
        except RefusedError as error:
            if error.code not in (404, 409):
                raise

    async def hold_lease(self, namespace: str, identity: str, lead: Any, lost: Any) -> None:
        """Run `lead()` while this process holds the operator's Lease; afterwards cancel it and run `lost()`."""
        lock = _Lease(_LEASE_NAME, namespace, identity, self.api)
        await leaderelection.LeaderElection(electionconfig.Config(lock, 15, 10, 2, lead, lost)).run()

    async def release_lease(self, namespace: str, identity: str) -> None:
        """Leave the Lease to the next operator, which else waits until it runs out, if `identity` holds it."""
        lease = await self.get(LEASE, namespace, _LEASE_NAME)
        if lease and lease["spec"].get("holderIdentity") == identity:
            await self.replace(LEASE, {**lease, "spec": {**lease["spec"], "holderIdentity": None}})

    async def _apply(self, path: str, body: Mapping[str, Any], manager: str, *, force: bool = True) -> Object:
        query = [("fieldManager", manager), ("force", "true" if force else "false")]
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


async def _as_pod(configuration: client.Configuration) -> None:
    config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]


async def _by_kubeconfig(configuration: client.Configuration, files: str, context: str | None) -> None:
    if not _exists(files):
        raise FileNotFoundError("there is no such file")
    await config.load_kube_config(files, context, configuration)  # type: ignore[no-untyped-call]


def _exists(files: str) -> bool:
    return any(Path(file).expanduser().exists() for file in files.split(os.pathsep))


def _no_way(place: str, problem: str) -> UserError:
    return UserError(reasons.CLUSTER_UNREACHABLE, f"{place} does not lead to a cluster: {problem}")


async def _small(answer: aiohttp.StreamReader) -> bytes:
    """Read a pod's answer, which user code may have replaced by an endless one.

    Raises:
        ValueError: it is larger than any answer of our server.
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
    """The error for a status: 429 and 5xx mean "not now", everything else means "never"."""
    return UnreachableError(f"{code} {message}") if code == 429 or code >= 500 else RefusedError(code, message)


def _message(body: str | bytes | None) -> str:
    try:
        return str(json_text.parse_loosely(body.encode() if isinstance(body, str) else body or b"")["message"])
    except (ValueError, KeyError, TypeError):
        return ""


@dataclass(frozen=True)
class Credentials:
    """The way to an API server, for another client: paths of files, and a bearer token."""

    server: str
    ca: str | None
    certificate: str | None
    key: str | None
    token: str | None
    insecure: bool  # whatever certificate the API server has


async def credentials(cluster: Cluster) -> Credentials:
    """The credentials of `cluster`, refreshed if the kubeconfig says how."""
    configuration = cluster.configuration
    if configuration.refresh_api_key_hook is not None:
        # the client's hook for kubeconfigs is asynchronous, the one for service accounts is not
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
        not configuration.verify_ssl,
    )


def running_in_pod() -> bool:
    return Path("/var/run/secrets/kubernetes.io/serviceaccount/token").exists()
