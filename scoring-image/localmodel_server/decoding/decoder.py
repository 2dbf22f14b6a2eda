"""Decodes and encodes what is too large for the event loop: in one process, one request after the other."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import resource
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Awaitable
from io import BytesIO
from pathlib import Path
from typing import Any

from localmodel_server.configuration.settings import Settings
from localmodel_server.decoding import work
from localmodel_server.decoding.process import DONE, LENGTHS, NO_MEMORY, REFUSED
from localmodel_server.errors import BadRequestError, ClientGoneError, UnavailableError
from localmodel_server.messages.body_budget import HeldBody
from localmodel_server.messages.call import Headers, Outcome
from localmodel_server.messages.contract import Contract
from localmodel_server.messages.cost import MOST_ON_LOOP, Estimate
from localmodel_server.payloads.decoded import Decode, DecodedRequest, Encode, EncodedAnswer, ResultCost
from localmodel_server.payloads.script_call import Target

_PIECE = 1 << 20
# How long the process stays when there is nothing to do: starting it takes longer than many a body.
_SECONDS_TO_STAY = 30.0
# What it has kept of the memory for its last work, at most, for it to stay.
_MOST_TO_STAY = 256 << 20
_SECONDS_BETWEEN_LOOKS = 0.05
# The server's own path: neither variables nor the current folder, which may be the script's, have a say.
_START = "import sys; sys.path[:] = sys.argv[2:]; from localmodel_server.decoding.process import serve; "
_START += "serve(int(sys.argv[1]))"


class TooLargeError(Exception):
    """Decoding takes more memory, or more time, than it may; the text says which."""


class Decoder:
    """The decoding process, started when first needed."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: _Process | None = None
        self._leaving: asyncio.TimerHandle | None = None

    async def decode(
        self,
        function: Decode,
        body: bytes,
        headers: Headers,
        target: Target,
        estimate: Estimate,
        settings: Settings,
        gone: asyncio.Future[Any],
        held: HeldBody,
    ) -> DecodedRequest:
        """Decode a request; `held` counts the memory of the result.

        Raises:
            BadRequestError
            UnavailableError
            ClientGoneError
        """
        try:
            arguments = (function, headers, target, estimate, settings.max_decoded_bytes)
            reading, made = await self._run(work.decode, body, arguments, settings, gone)
        except TooLargeError as error:
            raise BadRequestError(413, f"the body is too large to decode: {error}; {_ELSEWHERE}") from None
        held.add(len(made))
        return reading._replace(call=reading.call._replace(body=made))  # type: ignore[no-any-return]

    async def encode(
        self,
        function: Encode,
        outcome: Outcome,
        contract: Contract,
        cost: ResultCost,
        settings: Settings,
        gone: asyncio.Future[Any],
    ) -> EncodedAnswer:
        """Encode a whole result, here when it is small.

        Raises:
            BadRequestError
            UnavailableError
            ClientGoneError
        """
        if cost(outcome.body, MOST_ON_LOOP).is_small:
            return function(outcome, outcome.body, contract)
        try:
            arguments = (function, outcome._replace(body=b"", rest=None), contract, cost, settings.max_decoded_bytes)
            headers, body = await self._run(work.encode, outcome.body, arguments, settings, gone)
        except TooLargeError as error:
            raise BadRequestError(
                500, f"the result is too large for this protocol: {error}; /score returns any size"
            ) from None
        return EncodedAnswer(body, headers)

    def close(self) -> None:
        """End the process."""
        if self._leaving is not None:
            self._leaving.cancel()
        if self._process is not None:
            self._process.end()
            self._process = None

    async def _run(
        self, function: Any, body: bytes, arguments: Any, settings: Settings, gone: asyncio.Future[Any]
    ) -> tuple[Any, bytes]:
        task = asyncio.ensure_future(self._in_turn(function, body, arguments, settings))
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ClientGoneError
            return task.result()
        finally:
            task.cancel()
            del task  # an exception in it would hold on to this frame, and so to the body

    async def _in_turn(self, function: Any, body: bytes, arguments: Any, settings: Settings) -> tuple[Any, bytes]:
        seconds = settings.scoring_timeout_ms / 1000
        try:
            await asyncio.wait_for(self._turn.acquire(), seconds)
        except asyncio.TimeoutError:  # noqa: UP041 - another class before Python 3.11
            raise UnavailableError(f"other large requests have been decoded for {seconds:g} s; try again") from None
        try:
            return await self._work(function, body, arguments, settings)
        finally:
            self._turn.release()

    async def _work(self, function: Any, body: bytes, arguments: Any, settings: Settings) -> tuple[Any, bytes]:
        if self._leaving is not None:
            self._leaving.cancel()
        head = pickle.dumps((function, arguments), pickle.HIGHEST_PROTOCOL)
        milliseconds = settings.scoring_timeout_ms
        try:
            if self._process is None:
                self._process = await _Process.start()
            asking = _watched(self._process, self._process.ask(head, body), settings)
            (became, rest), made = await asyncio.wait_for(asking, milliseconds / 1000)
        except BaseException as error:
            # Nobody waits for what the process is doing: end it, and start another one with the next request.
            self.close()
            if isinstance(error, asyncio.TimeoutError):
                raise TooLargeError(f"converting it takes longer than {milliseconds} ms (SCORING_TIMEOUT_MS)") from None
            if isinstance(error, (asyncio.IncompleteReadError, ConnectionError)):
                raise TooLargeError(_too_much(settings)) from None  # C code does not always survive that
            if isinstance(error, OSError):
                raise UnavailableError(f"cannot start a process to decode the request: {error.strerror}") from None
            raise
        if self._process.resident_bytes() > _MOST_TO_STAY:
            self.close()
        else:
            self._leaving = asyncio.get_running_loop().call_later(_SECONDS_TO_STAY, self.close)
        if became == DONE:
            return rest, made
        if became == REFUSED:
            raise BadRequestError(*rest)
        if became == NO_MEMORY:
            raise TooLargeError(_too_much(settings))
        raise RuntimeError(f"a request could not be decoded:\n{rest}")


async def _watched(process: _Process, asking: Awaitable[Any], settings: Settings) -> Any:
    """Wait for the process's answer, as long as the process does not grow too large.

    Raises:
        TooMuchMemoryError
    """
    task = asyncio.ensure_future(asking)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_SECONDS_BETWEEN_LOOKS)
            if process.resident_bytes() > settings.max_decoded_bytes:
                raise TooLargeError(_too_much(settings))
        return task.result()
    finally:
        task.cancel()
        del task  # as above


class _Process:
    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls) -> _Process:
        """Start the process.

        Raises:
            OSError
        """
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                command = [sys.executable, "-I", "-c", _START, str(theirs.fileno()), *filter(None, sys.path)]
                process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, pass_fds=[theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        return cls(process, *await asyncio.open_connection(sock=ours))

    async def ask(self, head: bytes, body: bytes) -> tuple[Any, bytes]:
        """Send a message and get one back.

        Raises:
            IncompleteReadError, ConnectionError: the process has ended.
        """
        self._writer.write(LENGTHS.pack(len(head), len(body)) + head)
        rest = memoryview(body)
        while rest:
            self._writer.write(rest[:_PIECE])
            rest = rest[_PIECE:]
            await self._writer.drain()
        head_length, missing = LENGTHS.unpack(await self._reader.readexactly(LENGTHS.size))
        result = pickle.loads(await self._reader.readexactly(head_length))  # noqa: S301 - from our own process
        made = BytesIO()  # which has a large body in memory once
        while missing:
            piece = await self._reader.read(min(missing, _PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", missing)
            missing -= made.write(piece)
        return result, made.getvalue()

    def resident_bytes(self) -> int:
        """Its memory; 0 where the system does not say."""
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * resource.getpagesize()
        except (OSError, ValueError, IndexError):
            return 0

    def end(self) -> None:
        """End the process now."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._writer.transport.abort()


_ELSEWHERE = "send it to /score, or as binary tensors"


def _too_much(settings: Settings) -> str:
    return f"converting it takes more than {settings.max_decoded_bytes} bytes of memory (LOCALMODEL_MAX_DECODED_BYTES)"
