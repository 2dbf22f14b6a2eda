"""A process that has run init() once and forks the workers, which share its memory (WORKER_PRELOAD).

On its socket come `f` and the socket of a new worker for each worker that the server wants. It answers with
a frame `{"pid": int}`, and tells the end of each with `{"exited": pid, "code": int}` (negative: the signal).
`b` asks what goes on in it: `{"background": [...]}`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
from typing import Callable

from localmodel_worker import background
from localmodel_worker.frames import send_frame


def fork_on_request(control: socket.socket, on_fork: Callable[[socket.socket], object]) -> None:
    """Fork until the socket is closed; in a new process on_fork is called with its socket, and ends the process."""
    gc.collect()
    gc.freeze()  # pages that the collector does not touch stay shared
    ended, wakes = socket.socketpair()
    ended.setblocking(False)
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([control, ended], [], [])
        if ended in ready:
            with contextlib.suppress(BlockingIOError):
                ended.recv(4096)
            _tell_exits(control)
        if control in ready:
            message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if message == b"b":
                send_frame(control, {"background": background.at_work()})
                continue
            if not message or not descriptors:
                return
            worker = socket.socket(fileno=descriptors[0])
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for connection in (control, ended, wakes):
                    connection.close()
                on_fork(worker)
                os._exit(0)
            worker.close()
            send_frame(control, {"pid": pid})


def _tell_exits(control: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            send_frame(control, {"exited": pid, "code": code})
