"""A process that has imported what a script needs, and is forked into workers: it runs no user code itself.

On its socket come frames: `{"preload": [module, ...], "ahead": [[module, [name, ...]], ...], "imported": [name, ...],
"folder": str, "script": str}`, answered with `{"warm": how many modules, "refuses": why it will not fork, or null}`,
and `{"fork": true}` with the socket of a new worker, answered with `{"pid": int}` or, where a fork would not be like a
process of its own, `{"refused": why, "renew": bool}`. Where it has imported ahead of a first worker, it answers
`{"serves": why}` instead, and becomes that worker. The new process takes its environment variables from its own socket
first: `{"environment": {...}, "harmless": [name, ...]}`.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import socket
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Optional

from localmodel_worker.aml import legacy_imports
from localmodel_worker.forking import fork_safety
from localmodel_worker.forking.environment_watch import Reads
from localmodel_worker.forking.forked import Forked
from localmodel_worker.forking.installed_modules import packages_stamp, start_files
from localmodel_worker.frames import FrameBuffer, send_frame
from localmodel_worker.process_control import become_child_of, mark_descendants, set_name
from localmodel_worker.script import json_shortcut
from localmodel_worker.script.entry_script import LoadError, find_script
from localmodel_worker.script_log import user_logging

_PIECE = 65536


class WarmParent:
    """The parent's knowledge, which each process forked from it finds in its memory."""

    def __init__(self, control: socket.socket, at_start: frozenset[str]) -> None:
        """at_start are the modules that every worker has before user code."""
        self.server = os.getppid()
        self.environment = _given_environment()
        self.reads = Reads()
        self.at_start = at_start
        self.packages = packages_stamp(sys.path)
        self.start_files = start_files(self.at_start, sys.path)
        self.imported: list[str] = []  # what user code named in its import statements
        self.failed = False  # an import ahead of a first worker
        self.has_logging = False  # which packages have changed, and so it was set up before them
        self._is_for_first = False  # nothing is forked yet, and all is imported as that worker would have it
        self._control = control
        self._frames = FrameBuffer()
        self._descriptors: list[int] = []

    def run(self) -> Forked:
        """Preload and fork until the socket is closed; returns in the processes that serve only."""
        set_name("localmodel-warm")
        # As a worker has them before the first import of its script.
        legacy_imports.install()
        json_shortcut.install()
        send_frame(self._control, {"ok": True})
        while True:
            head = self._receive()
            if head is None:
                os._exit(0)
            if "preload" in head:
                self._preload(head)
                send_frame(self._control, {"warm": len(sys.modules), "refuses": self._why_not()})
            elif "fork" in head and self._descriptors:
                worker = socket.socket(fileno=self._descriptors.pop(0))
                worker.set_inheritable(False)
                reason = self._why_not()
                if reason is None and self._fork(worker):
                    return Forked(self, worker)
                if reason is not None and self._is_for_first and not self.failed:
                    send_frame(self._control, {"serves": reason})
                    self._close()
                    gc.unfreeze()
                    return Forked(self, worker, is_parent=True)
                worker.close()
                self._is_for_first = False
                if reason is not None:
                    send_frame(self._control, {"refused": reason, "renew": self.failed})

    def _receive(self) -> Optional[dict[str, Any]]:
        while True:
            frame = self._frames.pop()
            if frame is not None:
                return frame.head
            piece, descriptors, _, _ = socket.recv_fds(self._control, _PIECE, 1)
            self._descriptors += descriptors
            if not piece:
                return None
            self._frames.feed(piece)

    def _preload(self, head: Mapping[str, Any]) -> None:
        sys.argv[:] = [head["script"]]
        start = os.open(".", os.O_RDONLY)
        with contextlib.suppress(OSError):
            os.chdir(head["folder"])
        # What is imported ahead of a first worker is waited for, and nobody has printed what that prints.
        with self.reads, contextlib.nullcontext() if head["ahead"] else _unnoticed():
            if head["ahead"]:
                self._import_ahead(head["ahead"])
            for name in head["preload"]:
                if name not in sys.modules:
                    # A script may survive what its packages do at import, and so must this.
                    with contextlib.suppress(BaseException):
                        import_module(name)
        os.fchdir(start)  # relative paths among the variables count from there
        os.close(start)
        self.imported += [name for name in head["imported"] if name not in self.imported]
        gc.collect()
        gc.freeze()  # pages that the collector does not touch stay shared

    def _import_ahead(self, likely: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Import what the first worker will, with logging as it has it then."""
        self._is_for_first = True
        try:
            user_logging.set_up(self.environment, find_script(self.environment))
        except LoadError:
            return  # which the worker tells of
        for module, names in likely:
            try:
                if not self.failed and find_spec(module.partition(".")[0]) is not None:
                    __import__(module, fromlist=names)
            except BaseException:
                self.failed = True  # half imported: only a process of its own sees why
        self.has_logging = not user_logging.take_back(self.environment)

    def _why_not(self) -> Optional[str]:
        if self.failed:
            return "importing the packages has failed"
        if len(sys._current_frames()) > 1:
            return "a thread runs since the packages were imported"
        device = fork_safety.open_gpu()
        if device is not None:
            return f"importing the packages has opened {device}"
        if self.has_logging or logging.getLogger().handlers:
            return "importing the packages has set up logging"
        return None

    def _fork(self, worker: socket.socket) -> bool:
        """Fork a process that is the server's child, not ours, so that it outlives us; True in the new process."""
        read, write = os.pipe()
        between = _fork_quietly()
        if between == 0:
            child = _fork_quietly()
            if child == 0:
                mark_descendants()
                self._close(read, write)
                become_child_of(self.server)
                return True
            os.write(write, str(child or "").encode())
            os._exit(0)
        os.close(write)
        pid = os.read(read, 32)
        os.close(read)
        if between is not None:
            os.waitpid(between, 0)
        no_room = {"refused": "there is no room for another process", "renew": False}
        send_frame(self._control, {"pid": int(pid)} if pid else no_room)
        return False

    def _close(self, *descriptors: int) -> None:
        """Close in a new process what belongs to others: an open copy would hide that a worker's socket is closed."""
        self._control.close()
        for descriptor in (*descriptors, *self._descriptors):
            os.close(descriptor)


def _given_environment() -> dict[str, str]:
    """The variables that the server has given: Python itself may add one to them at its start, for its locale."""
    given = Path("/proc/self/environ").read_bytes().split(b"\0")
    return dict(os.fsdecode(variable).split("=", 1) for variable in given if b"=" in variable)


def _fork_quietly() -> Optional[int]:
    """Like os.fork(), but None when no process can be started."""
    with warnings.catch_warnings():
        # From Python 3.12 on it warns of threads, also of native ones that wait to be forked in their library's way.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return os.fork()
        except OSError:
            return None


@contextlib.contextmanager
def _unnoticed() -> Iterator[None]:
    with _in_background(), _silence():
        yield


@contextlib.contextmanager
def _in_background() -> Iterator[None]:
    """Yield the CPU to processes that answer requests; unlike a nice value, this can be undone."""
    try:
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    except (AttributeError, OSError):
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Hide what packages print at import: the first worker has printed it already."""
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        for descriptor, copy in enumerate(kept, 1):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(nowhere)
