"""Processes that this one did not start itself: reported by another one, or adopted."""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

_SECONDS_BETWEEN_LOOKS = 0.01
_MOST_LOOKS = 100


class AnyProcess(Protocol):
    """As much of asyncio's Process as a worker needs."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def wait(self) -> int: ...


class ReportedProcess:
    """A process whose end another process reports."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """Wait for the end; the exit code, or minus the signal."""
        await self._ended.wait()
        return self.returncode or 0

    def end(self, code: int) -> None:
        """The process has ended."""
        self.returncode = code
        self._ended.set()


class AdoptedProcess(ReportedProcess):
    """A child that another process has forked for this one."""

    def __init__(self, pid: int) -> None:
        """Watch the process with this id.

        Raises:
            OSError: there is no such process.
        """
        super().__init__(pid)
        self._descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._on_end)

    def _on_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        try:
            self.end(os.waitstatus_to_exitcode(os.waitpid(self.pid, os.WNOHANG)[1]))
        except (ChildProcessError, ValueError):
            self.end(0)


def collect_group(group: int, looks: int = _MOST_LOOKS) -> None:
    """Reap what an ended process has left behind: orphans become children of this process.

    The process itself must have been waited for. What lives on for more than a second is left alone.
    """
    try:
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return
    if looks:
        asyncio.get_running_loop().call_later(_SECONDS_BETWEEN_LOOKS, collect_group, group, looks - 1)
