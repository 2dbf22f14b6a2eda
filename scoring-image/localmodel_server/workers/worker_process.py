"""One worker process and the socket to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from asyncio.subprocess import DEVNULL
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import orjson

import localmodel_server
from localmodel_server.configuration.settings import Settings
from localmodel_server.log import logger, one_word
from localmodel_server.messages.contract import Contract, read_contract
from localmodel_server.workers.child_process import AnyProcess, collect_group
from localmodel_server.workers.memory_kills import MemoryKills
from localmodel_server.workers.orphans import end_orphans, has_started
from localmodel_worker.frames import Frame, FrameBuffer, FrameError, encode_prefix

if TYPE_CHECKING:
    from typing import Self

WORKER_FOLDER = Path(localmodel_server.__file__).parent.parent / "localmodel_worker"
_LOWEST_PRIORITY = 19
_QUICK_MS = 5.0
# How long a worker may take to end after its socket was closed.
_SECONDS_TO_LEAVE = 2.0
# How long a worker may take to write where it was, at a timeout.
_SECONDS_TO_TELL = 0.5
# How long what an ended worker has sent may take to be read, where another process keeps its socket open.
_SECONDS_TO_READ = 0.5


class LoadError(Exception):
    """A worker cannot serve its revision: one line for the user, and a one-word reason for programs."""

    def __init__(self, message: str, traceback: str = "", reason: str = "InitFailed") -> None:
        super().__init__(message)
        self.traceback = traceback
        self.reason = reason


class WorkerDiedError(Exception):
    """The process ended before it answered; the text says how."""


class NotStartedError(Exception):
    """The process ended before it had begun with the requests: another one can have them."""


class WorkerTimeoutError(Exception):
    """The answer did not come in time; the process has been killed."""


_memory_kills = MemoryKills()

# Starts the process that serves on a socket.
Starter = Callable[[socket.socket], Awaitable[AnyProcess]]
# Called with each frame of an answer, or once with WorkerDiedError, WorkerTimeoutError or NotStartedError.
Sink = Callable[[Union[Frame, Exception]], None]


class WorkerProcess(asyncio.Protocol):
    """A process that has run init() and answers frames of requests, one after the other.

    A second frame may be on its way while it works on the first: then it need not wait for the server in between.
    """

    arguments: tuple[str, ...] = ()
    how = "spawn"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.contract = Contract()
        self.hello: Mapping[str, Any] = {}  # what it has told of itself
        self.seconds_to_load = 0.0
        self.why_not_forked = ""
        self.wants_new_parent = False  # which could be forked where the one that is there could not
        self.served = False  # has been given a request
        self.answered = False
        self.killed_for_memory = False  # by the kernel
        self.together = True  # may be given several requests at once
        self._leaving = False
        self._frames = FrameBuffer(orjson.loads)
        self._hello: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._run_ms = float("inf")
        self._sinks: deque[Sink] = deque([self._receive_hello])
        self._questions = 0  # of those, how many are for no request's answer
        self._alarm: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.socket: socket.socket | None = None
        self._process: AnyProcess | None = None
        self._exit: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()  # the socket
        self._reason = ""  # why the process had to be killed

    @classmethod
    async def start(cls, settings: Settings, starter: Starter | None = None) -> Self:
        """Start a process and wait, without limit, until its init() has returned.

        Without a starter it is a new process of the revision's interpreter.

        Raises:
            LoadError
        """
        worker = cls(settings)
        try:
            await worker.load(starter)
        except WorkerDiedError as error:
            raise LoadError(f"{error} before init() returned") from error
        return worker

    async def load(self, starter: Starter | None = None) -> None:
        """Start the process and wait, without limit, until its init() has returned.

        Raises:
            LoadError
            WorkerDiedError
        """
        started = time.monotonic()
        try:
            await self._spawn(starter or self._run_interpreter)
            self.hello = (await self._hello).head
            self.contract = _read_hello(self.hello)
        except BaseException:
            self.kill()
            await self.wait()
            raise
        self.seconds_to_load = time.monotonic() - started

    @property
    def pid(self) -> int:
        """The process's id; 0 before it is started."""
        return 0 if self._process is None else self._process.pid

    @property
    def usable(self) -> bool:
        """Whether a request can be given to it."""
        return self._process is not None and self._process.returncode is None and not self._leaving

    @property
    def lost_first_request(self) -> bool:
        """Whether its first request made it exceed the timeout, or crash by a signal."""
        code = None if self._process is None else self._process.returncode
        return self.served and not self.answered and (bool(self._reason) or (code is not None and code < 0))

    @property
    def in_flight(self) -> int:
        """The number of frames of requests that it has not answered yet."""
        return len(self._sinks) - self._questions

    @property
    def is_quick(self) -> bool:
        """Whether run() has been so short that a request hardly waits behind another one."""
        return self._run_ms < _QUICK_MS

    def note_run(self, milliseconds: float | None) -> None:
        """Learn from a call of run(); None is one that did not return."""
        self._run_ms = float("inf") if milliseconds is None else milliseconds

    def send(self, head: dict[str, Any], pieces: Sequence[bytes], sink: Sink) -> None:
        """Have the worker answer a frame of requests; sink gets each frame of the answer, or one exception.

        Between two frames of the answer lies at most the revision's scoring timeout; then the process is killed and
        sink gets WorkerTimeoutError. A process that ends gives WorkerDiedError.

        Raises:
            WorkerDiedError: it cannot be asked.
        """
        if self._transport is None or not self.usable:
            raise WorkerDiedError(self.exit_description())
        self.served = True
        self._sinks.append(sink)
        self._transport.writelines([encode_prefix(orjson.dumps(head), sum(map(len, pieces))), *pieces])
        if len(self._sinks) == 1:
            self._set_alarm()

    async def background(self) -> str:
        """Describe what it does without a request; "" when it does nothing, so that it could wait for requests again.

        Answered after the requests that it has.
        """
        answer: asyncio.Future[Frame | Exception] = asyncio.get_running_loop().create_future()

        def receive(received: Frame | Exception) -> None:
            self._questions -= 1
            if not answer.done():
                answer.set_result(received)

        if not self.usable:
            return "a worker has ended"
        self._questions += 1
        self._sinks.append(receive)
        self._ask_background()
        if len(self._sinks) == 1:
            self._set_alarm()
        received = await answer
        if isinstance(received, Exception):
            return "a worker has ended"
        at_work = received.head.get("background")
        if at_work:
            return ascii(at_work[0] if isinstance(at_work, list) else at_work)[1:-1]
        child = await asyncio.to_thread(has_started, self.pid)
        return f"its process {child}" if child else ""

    def cancel(self) -> None:
        """Ask the worker to end the body that it is sending."""
        self._tell({"kind": "cancel"})

    def pause(self) -> None:
        """Take no more frames for now: the client is slower than the worker."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self._clear_alarm()

    def resume(self) -> None:
        """Take frames again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._set_alarm()

    def close(self) -> None:
        """Have the process end by itself, and kill it when it does not."""
        self._leaving = True
        if self._transport is not None:
            # Not close(), which waits until the process has read what was written to it.
            self._transport.abort()

    def kill(self) -> None:
        """End the process now, with every process that user code started from it."""
        self._leaving = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def lower_priority(self) -> None:
        """Have the process, with all that it has started, run only when no other wants to."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PGRP, self._process.pid, _LOWEST_PRIORITY)

    async def wait(self) -> None:
        """Wait until the process has ended."""
        if self._exit is not None:
            await asyncio.wait({self._exit})

    def exit_description(self) -> str:
        """How the process ended, in words for the user."""
        if self._reason:
            return f"the worker process was killed: {self._reason}"
        code = self._process.returncode if self._process is not None else None
        if code is None or code >= 0:
            return f"the worker process died (exit code {code})"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        if self.killed_for_memory:
            name += ": the kernel killed it for lack of memory; raise spec.resources.limits.memory"
        return f"the worker process died ({name})"

    async def _spawn(self, starter: Starter) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._process = await starter(theirs)
        except OSError as error:
            ours.close()
            python = self.settings.python
            raise LoadError(f"LOCALMODEL_PYTHON: cannot run {python}: {error.strerror}") from error
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._exit = asyncio.create_task(self._watch_exit(self._process))
        ours.setblocking(False)
        self.socket = ours
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_unix_connection(lambda: self, sock=ours)

    async def _run_interpreter(self, theirs: socket.socket) -> AnyProcess:
        return await asyncio.create_subprocess_exec(
            self.settings.python,
            str(WORKER_FOLDER),
            str(theirs.fileno()),
            *self.arguments,
            stdin=DEVNULL,
            pass_fds=[theirs.fileno()],
            env=self.settings.environment,
            # A Ctrl-C at the terminal is for the server, which then ends its workers in order.
            start_new_session=True,
        )

    async def _watch_exit(self, process: AnyProcess) -> None:
        await process.wait()
        if process.returncode == -signal.SIGKILL:
            self.killed_for_memory = _memory_kills.is_another()
        self.kill()  # what is left of its process group
        collect_group(process.pid)
        # It may have ended before its last answer was read.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._closed.wait(), _SECONDS_TO_READ)
        self.close()
        self._fail(WorkerDiedError(self.exit_description()))
        await asyncio.to_thread(end_orphans, process.pid)

    def _ask_background(self) -> None:
        self._tell({"kind": "background"})

    def _tell(self, head: dict[str, Any]) -> None:
        """Send a frame that is no request."""
        if self._transport is not None and self.usable:
            self._transport.write(encode_prefix(orjson.dumps(head), 0))

    def _receive_hello(self, received: Frame | Exception) -> None:
        if self._hello.done():
            return
        if isinstance(received, Frame):
            self._hello.set_result(received)
        else:
            self._hello.set_exception(received)

    def _fail(self, error: Exception) -> None:
        self._clear_alarm()
        sinks, self._sinks = self._sinks, deque()
        for sink in sinks:
            sink(error)
            error = NotStartedError()

    def _set_alarm(self) -> None:
        self._clear_alarm()
        loop = asyncio.get_running_loop()
        self._alarm = loop.call_later(self.settings.scoring_timeout_ms / 1000, self._time_out)

    def _clear_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _time_out(self) -> None:
        milliseconds = self.settings.scoring_timeout_ms
        self._reason = f"run() took longer than {milliseconds} ms (SCORING_TIMEOUT_MS)"
        self._leaving = True
        if self._process is not None:
            # faulthandler then writes the stack of every thread to the log, even when C code holds the GIL.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self._process.pid, signal.SIGABRT)
        self._kill_after(_SECONDS_TO_TELL)
        self._fail(WorkerTimeoutError(self._reason))

    def data_received(self, data: bytes) -> None:
        """Called by asyncio with bytes from the worker."""
        self._frames.feed(data)
        try:
            while (frame := self._frames.pop()) is not None:
                self._receive(frame)
        except FrameError as error:
            # User code has written to a descriptor that is not its own.
            self._reason = self._reason or f"what it sent is not an answer ({error})"
            self.kill()
            self.close()  # what it has sent behind that is no answer either

    def _receive(self, frame: Frame) -> None:
        head = frame.head
        self._clear_alarm()
        _log(head)
        if head.get("leaving"):
            self._leaving = True
            self._kill_after(_SECONDS_TO_LEAVE)  # threads that run() has started may keep it
        if head.get("alone"):
            self.together = False
        self.answered = self.served
        if not self._sinks:
            raise FrameError("an answer that nobody has asked for")
        sink = self._sinks[0]
        if not head.get("more"):
            self._sinks.popleft()
        if self._sinks:
            self._set_alarm()
        try:
            sink(frame)
        except FrameError:
            self._sinks.appendleft(sink)
            raise

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when the socket is closed, by either side."""
        self._leaving = True
        self._closed.set()
        self._kill_after(_SECONDS_TO_LEAVE)

    def _kill_after(self, seconds: float) -> None:
        if self._process is not None and self._process.returncode is None:
            asyncio.get_running_loop().call_later(seconds, self._kill_late)

    def _kill_late(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self.kill()


def _log(head: Mapping[str, Any]) -> None:
    """Log what a worker tells of its requests, before they are answered.

    Raises:
        FrameError
    """
    try:
        for request_id, text in head.get("log", ()):
            logger.error("request %s: %s", one_word(request_id), text, extra={"request_id": request_id})
    except (TypeError, ValueError, AttributeError) as error:
        raise FrameError("a log that is none") from error


def _read_hello(hello: Mapping[str, Any]) -> Contract:
    """What a started worker tells of its script.

    Raises:
        LoadError: init() failed.
    """
    try:
        if hello["ok"]:
            return read_contract(hello)
        message, traceback = str(hello.get("unsafe") or hello["message"]), str(hello.get("traceback", ""))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise LoadError("the script has written to a descriptor that is not its own") from error
    raise LoadError(message, traceback)
