"""Runs the work on a deployment in a process of its own.

A thread would be simpler, but would end with a script that ends right after `Model.deploy()`.

Each deployment has a folder: the process holds `lock` as long as it lives, writes `output`, and `outcome` last.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localmodel.disk import files, home, state_file
from localmodel.errors import UserError
from localmodel.target_table import default_name
from localmodel.targets.machine import turn
from localmodel_untrusted.files import UnreadableError, read_file

_POLL_SECONDS = 0.05
_SECONDS_TO_END = 20.0
_MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Outcome:
    """The result of the work. `error` is "" after success; `traceback` is the entry script's, if that failed."""

    error: str = ""
    traceback: str = ""


def names() -> list[str]:
    """The names of the deployments that have a folder here."""
    return sorted(folder.name for folder in _root().glob("*"))


def _root() -> Path:
    return home.home() / "azure"


class Work:
    """The work on one deployment, in any process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = _root() / name

    def begin(self, target: str, method: str, arguments: Mapping[str, Any]) -> None:
        """Have a new process call the deployment's method (see _perform.py), after the current one has ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.lock_file(self.folder / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # also waits for programs that only look, which is quick
            (self.folder / "outcome").unlink(missing_ok=True)
            (self.folder / "target").write_text(target)
            (self.folder / "method").write_text(method)
            task = json.dumps({"target": target, "method": method, "arguments": dict(arguments)})
            with (self.folder / "output").open("wb") as output:
                starter = subprocess.Popen(
                    [sys.executable, "-m", "localmodel.azure._perform", self.name, str(lock), task],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=[lock],
                    start_new_session=True,  # so that Ctrl-C ends the wait, and not the work
                )
        (self.folder / "group").write_text(str(starter.pid))
        starter.wait()  # it has detached the process that works

    def target(self) -> str:
        """The target that the deployment was last deployed to from here, else the default."""
        return self._kept("target") or default_name()

    def method(self) -> str:
        """The method that the last work calls, or ""."""
        return self._kept("method")

    def is_going_on(self) -> bool:
        """Whether a process works now."""
        return turn.is_taken(self.folder / "lock")

    def outcome(self) -> Outcome | None:
        """The result of the last work; None while it goes on, or if there was none."""
        if self.is_going_on():
            return None
        try:
            result = state_file.read(self.folder / "outcome", Outcome, "deploy again")
        except UserError as error:
            return Outcome(str(error))
        if result is None:
            interrupted = "the deployment was interrupted: its process ended before it was done. Deploy again"
            return Outcome(interrupted) if self.folder.is_dir() else None
        return result

    def end(self, outcome: Outcome) -> None:
        """Record the result; called by the process that works."""
        files.write(self.folder / "outcome", json.dumps(asdict(outcome)).encode())

    def output(self) -> str:
        """The output of the last work so far."""
        return self._kept("output")

    def follow(self, until: float | None) -> Iterator[str]:
        """The output as it comes, until the work ends or time.monotonic() passes `until`."""
        printed = 0
        while True:
            last = not self.is_going_on() or (until is not None and time.monotonic() > until)
            text = self.output()
            yield text[printed:]
            printed = len(text)
            if last:
                return
            time.sleep(_POLL_SECONDS)

    def wait(self) -> None:
        """Wait until no work goes on."""
        for _ in self.follow(None):
            pass

    def stop(self) -> None:
        """End the current work, and everything that it has started."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.is_going_on():
                with contextlib.suppress(ProcessLookupError, ValueError):
                    os.killpg(int(self._kept("group")), number)
                for _ in self.follow(time.monotonic() + _SECONDS_TO_END):
                    pass

    def forget(self) -> None:
        """Remove the folder."""
        for name in ("outcome", "output", "group", "target", "method", "lock"):
            (self.folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _kept(self, name: str) -> str:
        """The text of a file in this folder, or "" if it cannot be read."""
        with contextlib.suppress(UnreadableError):
            return (read_file(self.folder / name, _MOST_BYTES) or b"").decode(errors="replace")
        return ""
