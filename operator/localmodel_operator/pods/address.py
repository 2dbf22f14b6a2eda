"""Asks at the address that users call which revision answers there."""

import asyncio
import contextlib

import httpx

_CONNECTIONS = 10  # for each pod that may answer
_TRIES = 3  # one of several pods may be ending
_SECONDS = 3.0  # for all of them


async def revision_at(base: str) -> str:
    """The revision that answers a new connection to `base`, ready or not, or ""."""
    with contextlib.suppress(TimeoutError):
        client = httpx.AsyncClient(trust_env=False, verify=False, timeout=_SECONDS)  # noqa: S501 - it is plain HTTP
        async with asyncio.timeout(_SECONDS), client:
            for _ in range(_TRIES):
                with contextlib.suppress(httpx.HTTPError):
                    answer = await client.get(f"{base}/readyz", headers={"Connection": "close"})
                    if revision := answer.headers.get("x-localmodel-revision"):
                        return str(revision)
    return ""


async def problem(base: str, number: int, replicas: int, only_ready: bool = False) -> str:
    """Why not only this revision answers at `base`, or "".

    only_ready: nor may a pod of it that reports that it is not ready.

    Until a node has rewritten its rules, it sends some new connections to a pod that is being ended. This shows only by
    asking often, over new connections. Such a pod of the same revision still answers, although it reports not ready.
    """
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=0)
    timeout, trouble = httpx.Timeout(5, pool=None), ""
    # It is plain HTTP, and loading all certificate authorities would take longer than the requests.
    client = httpx.AsyncClient(trust_env=False, verify=False, timeout=timeout, limits=limits)  # noqa: S501
    try:
        async with client, asyncio.TaskGroup() as group:  # a failure ends all of them
            asked = [group.create_task(client.get(f"{base}/readyz")) for _ in range(_CONNECTIONS * (replicas + 1))]
    except* httpx.HTTPError as errors:
        trouble = f"nothing answers at {base} ({type(errors.exceptions[0]).__name__})"
    if trouble:
        return trouble
    answers = [task.result() for task in asked]
    revisions = {answer.headers.get("x-localmodel-revision") for answer in answers}
    if None in revisions:
        return f"something else than this deployment answers at {base}; free the port or choose another"
    if others := revisions - {str(number)}:
        return f"{base} is still answered by revision {min(others)}"
    ready = [answer.status_code == 200 for answer in answers]
    if not any(ready):
        return f"{base} is answered by no pod that is ready"
    if only_ready and not all(ready):
        return f"{base} is still answered by a pod that is not ready"
    return ""
