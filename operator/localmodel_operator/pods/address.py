"""Asks at the address that users call which revision answers there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import httpx

from localmodel_operator.cluster import Cluster, PodUnreachableError

_CONNECTIONS = 10  # for each pod that may answer
_TRIES = 3  # one of several pods may be ending
_SECONDS = 3.0  # for all of them
_UNKNOWN_HOST = 421


@dataclass(frozen=True)
class InCluster:
    """A Service that only the cluster reaches, so that it is asked through the API server."""

    cluster: Cluster
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"http://{self.name}.{self.namespace}.svc"


@dataclass(frozen=True)
class _Answer:
    """An answer of `/readyz`: its status, and the revision that gave it."""

    status: int
    revision: str | None


class _SilentError(Exception):
    """Nothing answers; the text says why, in a word."""


# The base of a URL, or a Service
Place: TypeAlias = str | InCluster
_Ask: TypeAlias = "Callable[[], Awaitable[_Answer]]"


async def revision_at(base: Place) -> str:
    """The revision that answers a new connection to `base`, ready or not, or ""."""
    if isinstance(base, InCluster):
        with contextlib.suppress(_SilentError):
            return (await _through_api_server(base)).revision or ""
        return ""
    with contextlib.suppress(TimeoutError):
        client = httpx.AsyncClient(trust_env=False, verify=False, timeout=_SECONDS)  # noqa: S501 - it is plain HTTP
        async with asyncio.timeout(_SECONDS), client:
            for _ in range(_TRIES):
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get(f"{base}/readyz", headers={"Connection": "close"})
                    if revision := answer.headers.get("x-localmodel-revision"):
                        return str(revision)
    return ""


async def problem(base: Place, number: int, replicas: int, only_ready: bool = False) -> str:
    """Why not only this revision answers at `base`, or "".

    only_ready: nor may a pod of it that reports that it is not ready.

    Until a node has rewritten its rules, it sends some new connections to a pod that is being ended. This shows only by
    asking often, over new connections. Such a pod of the same revision still answers, although it reports not ready.
    """
    trouble = ""
    try:
        async with _asking(base) as ask, asyncio.TaskGroup() as group:  # a failure ends all of them
            asked = [group.create_task(_answer(ask)) for _ in range(_CONNECTIONS * (replicas + 1))]
    except* _SilentError as errors:
        trouble = f"nothing answers at {base} ({errors.exceptions[0]})"
    if trouble:
        return trouble
    answers = [task.result() for task in asked]
    if any(answer.status == _UNKNOWN_HOST for answer in answers):
        return f"the server does not know the name in {base}: add it to LOCALMODEL_ALLOWED_HOSTS in spec.env"
    revisions = {answer.revision or "" for answer in answers}
    if "" in revisions:
        return f"something else than this deployment answers at {base}; free the port or choose another"
    if others := revisions - {str(number)}:
        return f"{base} is still answered by revision {min(others)}"
    ready = [answer.status == 200 for answer in answers]
    if not any(ready):
        return f"{base} is answered by no pod that is ready"
    if only_ready and not all(ready):
        return f"{base} is still answered by a pod that is not ready"
    return ""


async def _answer(ask: _Ask) -> _Answer:
    return await ask()


@contextlib.asynccontextmanager
async def _asking(base: Place) -> AsyncIterator[_Ask]:
    """What asks once, and raises _SilentError."""
    if isinstance(base, InCluster):
        yield lambda: _through_api_server(base)
        return
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=0)
    timeout = httpx.Timeout(5, pool=None)
    # It is plain HTTP, and loading all certificate authorities would take longer than the requests.
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=timeout, limits=limits) as client:  # noqa: S501
        yield lambda: _over_new_connection(client, base)


async def _over_new_connection(client: httpx.AsyncClient, base: str) -> _Answer:
    try:
        answer = await client.get(f"{base}/readyz")
    except httpx.HTTPError as error:
        raise _SilentError(type(error).__name__) from None
    return _Answer(answer.status_code, answer.headers.get("x-localmodel-revision"))


async def _through_api_server(service: InCluster) -> _Answer:
    try:
        status, revision = await service.cluster.ask_service(service.namespace, service.name, "readyz", _SECONDS)
    except PodUnreachableError as error:
        raise _SilentError(str(error)) from None
    return _Answer(status, revision)
