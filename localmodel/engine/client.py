"""The Docker SDK behind asyncio: blocking calls in threads of their own, never in the loop's shared pool."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import docker
import docker.errors
import requests

from localmodel.errors import UserError

T = TypeVar("T")

_THREADS = 8  # builds hold one each for minutes; nodes are asked all at once
_TIMEOUT = 600  # seconds without a byte, not for a whole call


class Engine:
    """One Docker engine, as DOCKER_HOST or the default socket names it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="docker")
        self._client: docker.DockerClient | None = None
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by id of a node

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function(client, *arguments)` in a thread.

        Raises:
            UserError: EngineUnreachable. Whatever else the function raises goes through.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, function, *arguments)

    def _call(self, function: Callable[..., T], *arguments: Any) -> T:
        try:
            if self._client is None:
                self._client = docker.from_env(timeout=_TIMEOUT)
            return function(self._client, *arguments)
        except (requests.exceptions.ConnectionError, docker.errors.DockerException) as error:
            if isinstance(error, docker.errors.APIError | docker.errors.BuildError | docker.errors.ImageNotFound):
                raise
            self._client = None
            raise UserError(
                "EngineUnreachable",
                f"no Docker engine answers ({_cause(error)}); start Docker, or see lmd doctor",
            ) from None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _cause(error: BaseException) -> str:
    """The innermost words, without the addresses of Python objects around them."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error.args[-1] if error.args else error)
