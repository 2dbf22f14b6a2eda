"""Asks at the address that users call which revision answers there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx

from localmodel_operator.cluster import Cluster, PodUnreachableError

CONNECTIONS = 10  # for each pod that may answer
_TRIES = 3  # one of several pods may be ending
_SECONDS = 3.0  # for all of them
_UNKNOWN_HOST = 421
_CONNECTS_WITHIN = 2.0
_PORTS = {"http": 80, "https": 443}
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class InCluster:
    """A Service that only the cluster reaches, so that it is asked through the API server."""

    cluster: Cluster
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"http://{self.name}.{self.namespace}.svc"


@dataclass(frozen=True)
class Front:
    """What leads to a Service by name and path: the base of the `url` that users call, and `at`, where it is.

    The name need not lead there from here.
    """

    url: str
    at: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True)
class _Answer:
    """An answer of `/readyz`: its status, and the revision that gave it."""

    status: int
    revision: str | None


class _SilentError(Exception):
    """Nothing answers; the text says why, in a word."""


# The base of a URL, a Service, or what leads there
Place: TypeAlias = str | InCluster | Front
_Ask: TypeAlias = "Callable[[], Awaitable[_Answer]]"


async def is_reached(front: Front) -> bool:
    """Whether a connection from here comes to where the front is.

    A refused one does. But an address of this machine is another machine's, if the operator runs elsewhere.
    """
    parts = urlsplit(front.at)
    try:
        async with asyncio.timeout(_CONNECTS_WITHIN):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or _PORTS[parts.scheme])
    except ConnectionRefusedError:
        return parts.hostname not in _LOCAL
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def revision_at(base: Place) -> str:
    """The revision that answers a new connection to `base`, ready or not, or ""."""
    if isinstance(base, InCluster):
        with contextlib.suppress(_SilentError):
            return (await _through_api_server(base)).revision or ""
        return ""
    with contextlib.suppress(TimeoutError):
        client = httpx.AsyncClient(trust_env=False, verify=False, timeout=_SECONDS)  # noqa: S501 - see _asking()
        async with asyncio.timeout(_SECONDS), client:
            for _ in range(_TRIES):
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.send(_request(client, base, {"Connection": "close"}))
                    if revision := answer.headers.get("x-localmodel-revision"):
                        return str(revision)
    return ""


async def problem(
    base: Place, number: int, replicas: int, only_ready: bool = False, connections: int = CONNECTIONS
) -> str:
    """Why not only this revision answers at `base`, or "".

    only_ready: nor may a pod of it that reports that it is not ready. connections: for each pod that may answer.

    Until a node has rewritten its rules, it sends some new connections to a pod that is being ended. This shows only by
    asking often, over new connections. Such a pod of the same revision still answers, although it reports not ready.
    """
    trouble = ""
    try:
        async with _asking(base) as ask:
            # A controller serves others, too, and one that does not lead here is asked again and again.
            if isinstance(base, Front) and (answer := await ask()).revision is None and answer.status != _UNKNOWN_HOST:
                return _led_elsewhere(base)
            async with asyncio.TaskGroup() as group:  # a failure ends all of them
                asked = [group.create_task(_answer(ask)) for _ in range(connections * (replicas + 1))]
    except* _SilentError as errors:
        trouble = f"nothing answers at {base} ({errors.exceptions[0]})"
    if trouble:
        return trouble
    answers = [task.result() for task in asked]
    if any(answer.status == _UNKNOWN_HOST for answer in answers):
        return f"the server does not know the name in {base}: add it to LOCALMODEL_ALLOWED_HOSTS in spec.env"
    revisions = {answer.revision or "" for answer in answers}
    if "" in revisions:
        if isinstance(base, Front):
            return _led_elsewhere(base)
        return f"something else than this deployment answers at {base}; free the port or choose another"
    if others := revisions - {str(number)}:
        return f"{base} is still answered by revision {min(others)}"
    ready = [answer.status == 200 for answer in answers]
    if not any(ready):
        return f"{base} is answered by no pod that is ready"
    if only_ready and not all(ready):
        return f"{base} is still answered by a pod that is not ready"
    return ""


def _led_elsewhere(front: Front) -> str:
    return f"something else than this deployment answers at {front}, or its controller has not read the route yet"


async def _answer(ask: _Ask) -> _Answer:
    return await ask()


@contextlib.asynccontextmanager
async def _asking(base: Place) -> AsyncIterator[_Ask]:
    """What asks once, and raises _SilentError."""
    if isinstance(base, InCluster):
        yield lambda: _through_api_server(base)
        return
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
    timeout = httpx.Timeout(5, pool=None)
    # It is plain HTTP, or users check the certificate. Loading all authorities would take longer than the requests.
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=timeout, limits=limits) as client:  # noqa: S501
        yield lambda: _over_new_connection(client, base)


async def _over_new_connection(client: httpx.AsyncClient, base: str | Front) -> _Answer:
    try:
        answer = await client.send(_request(client, base))
    except httpx.HTTPError as error:
        raise _SilentError(type(error).__name__) from None
    return _Answer(answer.status_code, answer.headers.get("x-localmodel-revision"))


def _request(client: httpx.AsyncClient, base: str | Front, headers: Mapping[str, str] | None = None) -> httpx.Request:
    """The question which revision answers; at a front, under the name that users call."""
    if not isinstance(base, Front):
        return client.build_request("GET", f"{base}/readyz", headers=headers)
    called = urlsplit(base.url)
    return client.build_request(
        "GET",
        f"{base.at}{called.path}/readyz",
        headers={**(headers or {}), "Host": called.netloc},
        extensions={"sni_hostname": called.hostname},
    )


async def _through_api_server(service: InCluster) -> _Answer:
    try:
        status, revision = await service.cluster.ask_service(service.namespace, service.name, "readyz", _SECONDS)
    except PodUnreachableError as error:
        raise _SilentError(str(error)) from None
    return _Answer(status, revision)
