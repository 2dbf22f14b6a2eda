"""Work on a deployment in a process of its own.

A thread would be simpler, and would die with a script that ends right after Model.deploy(): an interpreter that ends
lets nobody start the processes and threads that a deployment needs.

A folder for each deployment: `lock` is held by the process as long as it lives, `output` is what it says, and
`outcome` is written last.
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
    """`error` is "" for success; `traceback` is the entry script's, where it was to blame."""

    error: str = ""
    traceback: str = ""


def names() -> list[str]:
    """The deployments that anything is known of here."""
    return sorted(folder.name for folder in _root().glob("*"))


def _root() -> Path:
    return home.home() / "azure"


class Work:
    """The work on one deployment, whichever process began it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = _root() / name

    def begin(self, target: str, method: str, arguments: Mapping[str, Any]) -> None:
        """Let a new process call the deployment's method (see _perform.py), after one that is at work."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.lock_file(self.folder / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # waits also for programs that only look, which takes no time
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
                    start_new_session=True,  # so that Ctrl-C ends the waiting, not the work
                )
        (self.folder / "group").write_text(str(starter.pid))
        starter.wait()  # it has left the work to a process that is nobody's child

    def target(self) -> str:
        """Where the deployment runs: where it was deployed to from here, else the default."""
        return self._kept("target") or default_name()

    def method(self) -> str:
        """What the last work calls; "" when there was none."""
        return self._kept("method")

    def is_going_on(self) -> bool:
        """Whether a process is at work now."""
        return turn.is_taken(self.folder / "lock")

    def outcome(self) -> Outcome | None:
        """How the last work ended; None while it goes on, and when there was none."""
        if self.is_going_on():
            return None
        try:
            found = state_file.read(self.folder / "outcome", Outcome, "deploy again")
        except UserError as error:
            return Outcome(str(error))
        if found is None:
            interrupted = "the deployment was interrupted: its process ended before it was done. Deploy again"
            return Outcome(interrupted) if self.folder.is_dir() else None
        return found

    def end(self, outcome: Outcome) -> None:
        """Called by the process that is at work."""
        files.write(self.folder / "outcome", json.dumps(asdict(outcome)).encode())

    def output(self) -> str:
        """What the last work has said so far."""
        return self._kept("output")

    def follow(self, until: float | None) -> Iterator[str]:
        """The output as it comes, until the work ends or time.monotonic() passes `until`."""
        told = 0
        while True:
            last = not self.is_going_on() or (until is not None and time.monotonic() > until)
            text = self.output()
            yield text[told:]
            told = len(text)
            if last:
                return
            time.sleep(_POLL_SECONDS)

    def wait(self) -> None:
        """Until no work goes on."""
        for _ in self.follow(None):
            pass

    def stop(self) -> None:
        """End the work that goes on, and everything it has started."""
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
        """The text of a file of this folder; "" where there is none, or something else in its place."""
        with contextlib.suppress(UnreadableError):
            return (read_file(self.folder / name, _MOST_BYTES) or b"").decode(errors="replace")
        return ""
