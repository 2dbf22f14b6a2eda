"""The operator in the background, beside a cluster. There is one for each context of the kubeconfig.

It holds a lock file from its start to its end, however it ends, and the file has its process id.
"""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from localmodel import reasons
from localmodel.disk import home
from localmodel.errors import UserError
from localmodel.output.progress import Progress

# The operator logs it when it begins to serve the cluster.
_LEADS = "holds the lease"
_SECONDS_TO_LEAD = 60.0
_SECONDS_TO_STOP = 10.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Running:
    """An operator that runs. `leads`: it serves the cluster, and does not wait for another one to end."""

    pid: int
    log: Path
    leads: bool


def up(lmd: Path, context: str, progress: Progress) -> Running:
    """Start the operator of this context; one that runs is ended first.

    Raises:
        UserError: OperatorEnded; AlreadyRunning: an operator of this context does not end.
    """
    log = _folder(context) / "operator.log"
    down(context)
    with _lock_file(context) as file:
        if not _take(file):
            raise UserError(reasons.ALREADY_RUNNING, f"another operator has just been started for {context}")
        file.truncate(0)
        if log.exists():
            log.replace(log.with_name("operator.log.1"))
        with log.open("wb") as output:
            process = subprocess.Popen(
                [lmd, "operator", "run", "--context", context],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=[file.fileno()],  # which keeps the lock
            )
        file.write(f"{process.pid}\n")
        file.flush()
    with progress.step("operator") as done:
        leads = _wait_leads(process, log)
        done(f"process {process.pid}")
    pid, process.returncode = process.pid, 0  # it outlives this command, so nothing waits for it
    return Running(pid, log, leads)


def down(context: str) -> bool:
    """End the operator of this context; returns whether it ran.

    Raises:
        UserError: AlreadyRunning: it does not end.
    """
    with _lock_file(context) as file:
        if _take(file):
            return False
        for number, seconds in ((signal.SIGTERM, _SECONDS_TO_STOP), (signal.SIGKILL, 1.0)):
            file.seek(0)
            if text := file.read():  # there is none while an operator is just being started
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(text), number)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if _take(file):
                    return True
                time.sleep(_POLL_SECONDS)
        raise UserError(reasons.ALREADY_RUNNING, f"the operator of {context} does not end (process {text.strip()})")


def _folder(context: str) -> Path:
    cluster = re.sub(r"[^\w.-]", "_", context.removeprefix("kind-"))
    return home.home() / f"operator-{cluster}"


@contextlib.contextmanager
def _lock_file(context: str) -> Iterator[IO[str]]:
    path = _folder(context) / "pid"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        yield file


def _take(file: IO[str]) -> bool:
    """Lock the file until it is closed everywhere; returns False if another process has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_leads(process: subprocess.Popen[bytes], log: Path) -> bool:
    end = time.monotonic() + _SECONDS_TO_LEAD
    while time.monotonic() < end:
        text = log.read_text(errors="replace")
        if process.poll() is not None:
            last = (text.strip().splitlines() or ["without a word"])[-1].removeprefix("error: ")
            raise UserError(reasons.OPERATOR_ENDED, f"the operator has ended: {last} (its log is {log})")
        if _LEADS in text:
            return True
        time.sleep(_POLL_SECONDS)
    return False
