"""The client and its deployments for coroutines: requests on the event loop, slow work in threads."""
# ruff: noqa: ASYNC109 - timeouts are the deployment's, as in the client without await, and tell what they ended

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from threading import Event, Thread
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx  # noqa: F401 - imported here, and not on the loop with the first request

from localmodel.errors import UserError
from localmodel.output.progress import Progress, check, now
from localmodel.project import arguments as sdk_arguments
from localmodel.sdk import scoring
from localmodel.sdk.client import Client
from localmodel.sdk.connections import AsyncConnections
from localmodel.sdk.deployment import Deployment, DeploymentState
from localmodel.sdk.deployment_table import DeploymentList
from localmodel.sdk.progress import reporter
from localmodel.store import Environments, Models
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.target import DeploymentStatus, PastRevision

P = ParamSpec("P")
T = TypeVar("T")


def _like(
    method: Callable[Concatenate[Any, P], object],
) -> Callable[[Callable[..., Coroutine[Any, Any, T]]], Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]]:
    """Give a coroutine method the arguments and the docstring of the method that it stands for."""

    def decorate(waiting: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., Coroutine[Any, Any, T]]:
        result = waiting.__annotations__["return"]
        waiting.__annotations__ = {**inspect.unwrap(method).__annotations__, "return": result}
        waiting.__doc__ = method.__doc__
        vars(waiting)["__signature__"] = inspect.signature(method).replace(return_annotation=result)
        return waiting

    return decorate


class AsyncClient:
    """Client for coroutines of one event loop. Cancelling a deploy, update or reload stops it before its next step.

    >>> async with localmodel.AsyncClient() as client:
    ...     digits = await client.deploy("digits", "score.py", models="model.pkl", environment=["scikit-learn"])
    ...     await asyncio.gather(*(digits.score(row) for row in rows))
    """

    def __init__(self, target: str | None = None, *, context: str | None = None, namespace: str | None = None) -> None:
        self._client = Client(target, context=context, namespace=namespace)
        self._connections = AsyncConnections()

    def __repr__(self) -> str:
        return f"Async{self._client!r}"

    def _repr_html_(self) -> str:
        return self._client._repr_html_()

    @property
    def models(self) -> Models:
        """See Client.models. Its methods are not coroutines."""
        return self._client.models

    @property
    def environments(self) -> Environments:
        """See Client.environments. Its methods are not coroutines."""
        return self._client.environments

    @_like(Client.deploy)
    async def deploy(
        self, *arguments: Any, progress: bool | Progress | None = None, **options: Any
    ) -> "AsyncDeployment":
        deploy = functools.partial(self._client.deploy, *arguments, **options)
        return self._handle(await _stoppable(deploy, progress))

    async def get(self, name: str) -> "AsyncDeployment":
        """See Client.get()."""
        return self._handle(await asyncio.to_thread(self._client.get, name))

    async def list(self) -> list["AsyncDeployment"]:
        """See Client.list()."""
        deployments = await asyncio.to_thread(self._client.list)
        return DeploymentList([self._handle(deployment) for deployment in deployments], self._client._target)

    async def close(self) -> None:
        """See Client.close()."""
        self._client.close()
        await self._connections.close()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def _handle(self, deployment: Deployment) -> "AsyncDeployment":
        return AsyncDeployment(deployment, self._connections)


class AsyncDeployment:
    """Deployment for coroutines, returned by AsyncClient.deploy(), get() and list()."""

    def __init__(self, deployment: Deployment, connections: AsyncConnections) -> None:
        self.name = deployment.name
        self._deployment = deployment
        self._connections = connections

    def __repr__(self) -> str:
        return f"Async{self._deployment!r}"

    def _repr_html_(self) -> str:
        return self._deployment._repr_html_()

    async def score(
        self,
        data: object,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """See Deployment.score(). A request that is cancelled while it waits in line is not run."""
        sdk_arguments.check(timeout=timeout)
        # In a thread what may ask somebody first, and arrays: they are large, and others wait for the loop.
        known = self._deployment._url and not scoring.needs_place(data)
        request = self._deployment._request
        url, body = request(data) if known else await asyncio.to_thread(request, data)
        sent = scoring.headers(body, content_type, headers)
        try:
            answer = await self._connections.post(url, body.content, sent, timeout)
        except UserError:
            self._deployment._forget()
            raise
        if answer.status < 400:
            return self._deployment._result(answer)
        return await asyncio.to_thread(self._deployment._result, answer)

    async def status(self) -> DeploymentStatus:
        """See Deployment.status."""
        return await asyncio.to_thread(lambda: self._deployment.status)

    async def state(self) -> DeploymentState:
        """See Deployment.state."""
        return await asyncio.to_thread(lambda: self._deployment.state)

    async def message(self) -> str:
        """See Deployment.message."""
        return await asyncio.to_thread(lambda: self._deployment.message)

    async def url(self) -> str:
        """See Deployment.url."""
        return await asyncio.to_thread(lambda: self._deployment.url)

    async def swagger_url(self) -> str:
        """See Deployment.swagger_url."""
        return await asyncio.to_thread(lambda: self._deployment.swagger_url)

    async def manifest(self) -> Mapping[str, Any]:
        """See Deployment.manifest."""
        return await asyncio.to_thread(lambda: self._deployment.manifest)

    async def logs(self, lines: int | None = 5000) -> str:
        """See Deployment.logs()."""
        return await asyncio.to_thread(self._deployment.logs, lines)

    async def follow(self, lines: int | None = 100) -> AsyncIterator[str]:
        """See Deployment.follow()."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        left = Event()

        def put(piece: str | Exception | None) -> None:
            if not left.is_set():
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def read() -> None:
            try:
                for piece in self._deployment.follow(lines):
                    put(piece)
                    if left.is_set():
                        return
                put(None)
            except Exception as error:
                put(error)

        # Not of the loop's own threads: those are waited for at the end, and a silent log may never say anything more.
        Thread(target=read, daemon=True).start()
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            left.set()

    async def captured(self, last: int = 500) -> list[CapturedRequest]:
        """See Deployment.captured()."""
        return await asyncio.to_thread(self._deployment.captured, last)

    async def wait(self, timeout: float = 300.0) -> None:
        """See Deployment.wait()."""
        await asyncio.to_thread(self._deployment.wait, timeout)

    @_like(Deployment.update)
    async def update(self, *, progress: bool | Progress | None = None, **options: Any) -> None:
        await _stoppable(functools.partial(self._deployment.update, **options), progress)

    @_like(Deployment.reload)
    async def reload(self, *, progress: bool | Progress | None = None, **options: Any) -> None:
        await _stoppable(functools.partial(self._deployment.reload, **options), progress)

    async def history(self) -> list[PastRevision]:
        """See Deployment.history()."""
        return await asyncio.to_thread(self._deployment.history)

    @_like(Deployment.rollback)
    async def rollback(self, *arguments: Any, progress: bool | Progress | None = None, **options: Any) -> None:
        await _stoppable(functools.partial(self._deployment.rollback, *arguments, **options), progress)

    @_like(Deployment.promote)
    async def promote(self, *, progress: bool | Progress | None = None, **options: Any) -> None:
        await _stoppable(functools.partial(self._deployment.promote, **options), progress)

    @_like(Deployment.abort)
    async def abort(self, *, progress: bool | Progress | None = None, **options: Any) -> None:
        await _stoppable(functools.partial(self._deployment.abort, **options), progress)

    @_like(Deployment.start)
    async def start(self, *, progress: bool | Progress | None = None, **options: Any) -> None:
        await _stoppable(functools.partial(self._deployment.start, **options), progress)

    @_like(Deployment.stop)
    async def stop(self, *, progress: bool | Progress | None = None) -> None:
        await _stoppable(self._deployment.stop, progress)

    @_like(Deployment.restart)
    async def restart(self, *, progress: bool | Progress | None = None, **options: Any) -> None:
        await _stoppable(functools.partial(self._deployment.restart, **options), progress)

    async def delete(self, *, missing_ok: bool = False) -> None:
        """See Deployment.delete()."""
        await asyncio.to_thread(functools.partial(self._deployment.delete, missing_ok=missing_ok))


class _Stopped(Exception):
    """Nobody waits for the work any more."""


class _StoppableProgress:
    """Implements `Progress`, `Live` and `Revocable`: passes on to another one, and ends the work once it is stopped."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stopped = Event()

    def stop(self) -> None:
        self._stopped.set()

    def step(self, title: str) -> AbstractContextManager[Callable[[str], None]]:
        self.check()
        return self._progress.step(title)

    def check(self) -> None:
        if self._stopped.is_set():
            raise _Stopped
        check(self._progress)

    def note(self, text: str) -> None:
        self._progress.note(text)

    def now(self, text: str) -> None:
        now(self._progress, text)


async def _stoppable(work: Callable[..., T], progress: bool | Progress | None) -> T:
    """What the work returns; a thread cannot be ended, but it looks whether it should, and ends itself."""
    stoppable = _StoppableProgress(reporter(progress))
    try:
        return await asyncio.to_thread(work, progress=stoppable)
    except asyncio.CancelledError:
        stoppable.stop()
        raise
