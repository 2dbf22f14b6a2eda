"""An address on this machine that stays, and leads to whichever pod of a deployment is ready."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from localmodel.errors import UserError
from localmodel.output.progress import Progress
from localmodel.targets.kind.kubectl import Kubectl
from localmodel.targets.kind.tunnel import Tunnel
from localmodel.targets.ports import HOST

_SECONDS_FOR_A_POD = 60.0  # of one connection, until a pod is ready that it can be led to
_SECONDS_BETWEEN_LOOKS = 0.1
_SECONDS_BETWEEN_WATCHES = 0.5
_PIECE = 64 * 1024
_LONGEST_OBJECT = 4 * 1024 * 1024
_NOBODY = b'{"error": "no pod of the deployment is ready; lmd status says why"}'
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%b" % (len(_NOBODY), _NOBODY)
)


@dataclass
class _Way:
    """A tunnel to a pod, and how many connections use it."""

    pod: str
    tunnel: Tunnel
    users: int = 0


class Forward:
    """Leads connections to a ready pod of a deployment.

    A connection that comes while no pod is ready, or the API server is away, waits. One that has been led to a pod
    stays with it, and nothing is sent twice.
    """

    def __init__(self, kubectl: Kubectl, namespace: str, selector: str, progress: Progress) -> None:
        self._kubectl, self._namespace, self._selector = kubectl, namespace, selector
        self._progress = progress
        self._ready: dict[str, str] = {}  # pod -> since when
        self._way: _Way | None = None
        self._opening = asyncio.Lock()

    async def run(self, port: int, listening: Callable[[], None]) -> None:
        """Listen on the port until this is cancelled; `listening` is called once it does."""
        server = await asyncio.start_server(self._lead, HOST, port)
        listening()
        try:
            await self._follow_pods()
        finally:
            server.close()  # without waiting for clients, which may keep their connections for long
            if self._way:
                self._way.tunnel.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                async with asyncio.timeout(_SECONDS_FOR_A_POD):
                    way = await self._enter()
            except TimeoutError:
                writer.write(_REFUSAL)
            else:
                try:
                    await _join(reader, writer, way.tunnel.port)
                finally:
                    way.users -= 1
                    self._leave(way)
        writer.close()

    async def _enter(self) -> _Way:
        """The way to a pod that is ready, with one more user."""
        while True:
            async with self._opening:
                way = self._way
                if way is None or not way.tunnel.is_open or way.pod not in self._ready:
                    way = await self._other_way(way)
                if way is not None:
                    way.users += 1
                    return way
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _other_way(self, before: _Way | None) -> _Way | None:
        """A way to another pod; None while there is none."""
        pod = max(self._ready, key=lambda name: self._ready[name], default="")
        if not pod:
            return None
        try:
            tunnel = await asyncio.to_thread(Tunnel, self._kubectl, self._namespace, f"pod/{pod}", "http")
        except UserError as error:
            self._progress.note(str(error))
            await asyncio.sleep(_SECONDS_BETWEEN_WATCHES)
            return None
        self._progress.note(f"leads to pod {pod}")
        self._way = _Way(pod, tunnel)
        if before is not None:
            self._leave(before)
        return self._way

    def _leave(self, way: _Way) -> None:
        """Close a way that nobody uses and nobody will."""
        if way is not self._way and not way.users:
            way.tunnel.close()

    async def _follow_pods(self) -> None:
        while True:
            self._ready.clear()
            async for pod in self._pods():
                name, since = pod["metadata"]["name"], _ready_since(pod)
                self._ready.pop(name, None)
                if since:
                    self._ready[name] = since
            await asyncio.sleep(_SECONDS_BETWEEN_WATCHES)

    async def _pods(self) -> AsyncIterator[dict[str, Any]]:
        """The pods as they are, and after each change, until the watch ends."""
        watch = ["get", "pods", "--namespace", self._namespace, "--selector", self._selector, "--watch", "-o", "json"]
        process = await asyncio.create_subprocess_exec(
            *self._kubectl.command,
            *watch,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_OBJECT,
            start_new_session=True,
        )
        assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        try:
            text = b""
            async for line in process.stdout:
                text += line
                if line.rstrip(b"\n") == b"}":  # an object ends with its closing brace alone on a line
                    yield json.loads(text)
                    text = b""
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _ready_since(pod: dict[str, Any]) -> str:
    """When the pod became ready; "" if it is not, or ends."""
    if "deletionTimestamp" in pod["metadata"]:
        return ""
    ready = (each for each in pod.get("status", {}).get("conditions", []) if each["type"] == "Ready")
    return next((str(each.get("lastTransitionTime", "")) for each in ready if each["status"] == "True"), "")


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Copy bytes both ways between a client and a port of this machine, until that one has ended."""
    there, back = await asyncio.open_connection(HOST, port)
    try:
        async with asyncio.TaskGroup() as group:
            requests = group.create_task(_copy(reader, back))
            await _copy(there, writer)
            requests.cancel()  # nobody reads them any more
    except* OSError:
        pass  # one of them has hung up
    finally:
        back.close()


async def _copy(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        to.write(piece)
        await to.drain()
    if to.can_write_eof():
        to.write_eof()
