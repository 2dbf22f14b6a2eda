"""The server's side of a process that runs init() once and forks the workers (WORKER_PRELOAD)."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import deque

from localmodel_server.configuration.settings import Settings
from localmodel_server.workers.child_process import ReportedProcess
from localmodel_server.workers.worker_process import LoadError, WorkerDiedError, WorkerProcess
from localmodel_worker.frames import Frame


class TemplateProcess(WorkerProcess):
    """A process that has run init(), and answers no requests."""

    arguments = ("--template",)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._forks: deque[asyncio.Future[int]] = deque()
        self._children: dict[int, ReportedProcess] = {}

    async def start_process(self, theirs: socket.socket) -> ReportedProcess:
        """Fork a worker that serves on a socket.

        Raises:
            LoadError
        """
        if not self.usable or self.socket is None:
            raise LoadError(self.exit_description())
        pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forks.append(pid)
        socket.send_fds(self.socket, [b"f"], [theirs.fileno()])
        try:
            process = ReportedProcess(await pid)
        except WorkerDiedError as error:
            raise LoadError(str(error)) from error
        self._children[process.pid] = process
        return process

    def _ask_background(self) -> None:
        if self._transport is not None:
            self._transport.write(b"b")

    def _receive(self, frame: Frame) -> None:
        if "pid" in frame.head:
            self._forks.popleft().set_result(frame.head["pid"])
        elif "exited" in frame.head:
            child = self._children.pop(frame.head["exited"], None)
            if child is not None:
                child.end(frame.head["code"])
        else:
            super()._receive(frame)

    def _fail(self, error: Exception) -> None:
        super()._fail(error)
        while self._forks:
            self._forks.popleft().set_exception(WorkerDiedError(str(error)))
        for child in self._children.values():
            child.end(-signal.SIGKILL)  # the kernel ends them with their parent
        self._children.clear()
