"""The operator as a user runs it beside the cluster: a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from kube import eventually

# A shell that runs the tests in the background ignores Ctrl-C, and what it starts would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

LMD = Path(sys.executable).with_name("lmd")


class OperatorProcess:
    """`lmd operator run` with these options and variables, on a home of its own; the log is kept across restarts."""

    def __init__(self, context: str, home: Path, *options: str, **variables: str) -> None:
        self._context, self._home, self._options, self._variables = context, home, options, variables
        self._process: subprocess.Popen[bytes] | None = None
        self.log_path = home / "operator.log"
        self.log_path.write_bytes(b"")

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start, and wait until it is the one that serves the cluster."""
        before = self.mark()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [LMD, "operator", "run", "--context", self._context, "--store", self._home / "store", *self._options],
                # what nothing uses is swept at once
                env={**os.environ, "LOCALMODEL_HOME": str(self._home), "LOCALMODEL_KEEP_ENVIRONMENTS": "0"}
                | self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait_for_log("holds the lease", before)

    def stop(self) -> None:
        """End it as a user does."""
        if self._process:
            self._process.terminate()
            code = self._process.wait(timeout=60)
            assert code == 0, f"the operator ended with exit code {code}"

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def mark(self) -> int:
        """Where the log ends now."""
        return self.log_path.stat().st_size

    def log_since(self, mark: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(mark)
            return log.read().decode(errors="replace")

    def wait_for_log(self, text: str, since: int, seconds: float = 60) -> None:
        def there() -> bool:
            said = self.log_since(since)
            assert self.is_running or text in said, f"the operator ended:\n{said[-2000:]}"
            return text in said

        eventually(there, f"{text!r} in {self.log_path}", seconds)


def register(home: Path, name: str, path: Path) -> int:
    """`lmd model register`; returns the version."""
    out = subprocess.run(
        [LMD, "model", "register", path, "--name", name],
        env={**os.environ, "LOCALMODEL_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.match(rf"{re.escape(name)}:(\d+)", out)
    assert found, out
    return int(found[1])
