"""A connection to Docker through its SDK, and the same behind asyncio."""

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlsplit

import docker
import docker.errors
import requests
from docker.context import ContextAPI

from localmodel import reasons
from localmodel.errors import UserError

T = TypeVar("T")

_THREADS = 32  # a build holds one for minutes; all nodes are asked in parallel, and a hanging one holds two
_TIMEOUT = 600  # seconds without a byte, not for a whole call
_HERE = ("localhost", "127.0.0.1", "::1")


class Connection:
    """The Docker engine of DOCKER_HOST, of docker's context, or of the default socket."""

    def __init__(self) -> None:
        self._client: docker.DockerClient | None = None

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call `function(client, *arguments)`.

        Raises:
            UserError: EngineUnreachable, EngineForbidden. Other errors of the function pass.
        """
        try:
            if self._client is None:
                self._client = _connect()
            return function(self._client, *arguments)
        except (requests.exceptions.ConnectionError, docker.errors.DockerException) as error:
            if isinstance(error, docker.errors.APIError | docker.errors.BuildError | docker.errors.ImageNotFound):
                raise
            self._client = None
            raise _no_engine(error) from None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class Engine:
    """Runs the connection's calls in its own threads, not in the event loop's shared pool."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._connection = Connection()

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function(client, *arguments)` in a thread. Raises the errors of `Connection.call()`."""
        call = self._connection.call
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, function, *arguments)

    async def lend(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function(connection, *arguments)` in a thread, for what may go on without an engine."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, self._connection, *arguments)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def is_here() -> bool:
    """Whether the engine runs on this machine, and sees its files."""
    context = _context()
    address = urlsplit(os.environ.get("DOCKER_HOST", "") if context is None else context.Host)
    return address.scheme in ("", "unix", "npipe") or (address.hostname in _HERE and address.scheme != "ssh")


def _connect() -> docker.DockerClient:
    """A client of the engine that the command docker uses."""
    context = _context()
    if context is None:
        return docker.from_env(timeout=_TIMEOUT)
    return docker.DockerClient(base_url=context.Host, tls=context.TLSConfig, timeout=_TIMEOUT)


def _context() -> Any:
    """Docker's context, if no variable names the engine; rootless and desktop engines are named by a context."""
    context = None if os.environ.get("DOCKER_HOST") else ContextAPI.get_current_context()
    return context if context and context.name != "default" else None


def _no_engine(error: BaseException) -> UserError:
    causes = list(_causes(error))
    if any(isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM) for cause in causes):
        return UserError(
            reasons.ENGINE_FORBIDDEN,
            "this user may not use Docker's socket (permission denied); join the group that owns it "
            "(sudo usermod -aG docker $USER, and log in again), use Docker without root, or name another engine "
            "with DOCKER_HOST",
        )
    innermost = causes[-1].args[-1] if causes[-1].args else causes[-1]
    return UserError(
        reasons.ENGINE_UNREACHABLE, f"no Docker engine answers ({innermost}); start Docker, or see lmd doctor"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes; the innermost one has a text without addresses of Python objects."""
    while error is not None:
        yield error
        error = error.__context__
