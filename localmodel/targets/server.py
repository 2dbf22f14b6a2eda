"""The scoring server as a process on this machine: start it, find it again, stop it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localmodel import data
from localmodel.targets.machine.state import Slot, State
from localmodel.targets.ports import HOST

# Variables of the machine rather than of the calling shell. Everything else that a script needs is in the manifest,
# which then means the same in a process, in a container and on a cluster.
_PASSED_ON = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
}
_POLL_SECONDS = 0.02
_SECONDS_TO_STOP = 10.0
_PROC = Path("/proc")


@dataclass(frozen=True)
class Server:
    """A running server: its process, the slot whose files it reads, and its port."""

    pid: int
    slot: Slot
    port: int


def running(state: State) -> list[Server]:
    """Every server of the deployment, found by the files that its command line names, even if no record has it."""
    matches = ((pid, _match(state, line)) for pid, line in _command_lines())
    return [Server(pid, *match) for pid, match in matches if match and _leads_a_session(pid)]


def start(state: State, slot: Slot, port: int) -> int:
    """Start a server that outlives this command and reads the slot's files; return its process id."""
    command = [sys.executable, "-P", "-m", "localmodel_server", "--host", HOST, "--port", str(port)]
    command += ["--revision-file", str(slot.revision_file), "--status-file", str(slot.status_file)]
    command += ["--log-file", str(state.log)]
    environment = {name: value for name, value in os.environ.items() if is_passed_on(name)}
    environment["PYTHONPATH"] = str(data.path("scoring-image"))
    with state.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=state.root,
            start_new_session=True,
        )
    # For a moment after exec() a process has no command line yet, by which it is found.
    while process.poll() is None and not is_running(state, process.pid):
        time.sleep(_POLL_SECONDS)
    process.returncode = 0  # it outlives this command, so nothing waits for it
    return process.pid


def _leads_a_session(pid: int) -> bool:
    """Whether the process leads a session: servers do, but not their children, whose command line may be the same."""
    with contextlib.suppress(OSError):
        return os.getsid(pid) == pid
    return False


def is_passed_on(name: str) -> bool:
    """Whether the server, and so the script, gets the shell's variable of this name."""
    return name in _PASSED_ON or name.startswith("LC_")


def is_running(state: State, pid: int) -> bool:
    """Whether the process is a server of this deployment, because process ids are used again."""
    return any(_match(state, line) for _, line in _command_lines(pid))


def stop(state: State, pid: int) -> None:
    """End the server after at most ten seconds for the requests in flight."""
    for number, seconds in ((signal.SIGTERM, _SECONDS_TO_STOP), (signal.SIGKILL, 1.0)):
        if is_running(state, pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        end = time.monotonic() + seconds
        while is_running(state, pid) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _match(state: State, line: str) -> tuple[Slot, int] | None:
    """Slot and port, if the command line is that of a server of this deployment, of any version; else None."""
    if "localmodel_server" not in line:
        return None
    between, interpreter, path = ("\0", "[^\0]+", "[^\0]+") if "\0" in line else (" ", ".+", ".+?")
    begins = [interpreter, "-P", "-m", "localmodel_server", f"(?:.*{between})?--port", "([0-9]+)"]
    for slot in (state.main, state.candidate):
        status_file = [f"(?:.*{between})?--status-file", f"({re.escape(str(slot.status_file))}|{path})"]
        match = re.fullmatch(f"{between.join(begins + status_file)}(?:{between}--.*)?", line, re.DOTALL)
        # The path may have been spelled otherwise when the server was started.
        if match and os.path.realpath(match[2]) == os.path.realpath(slot.status_file):
            return slot, int(match[1])
    return None


def _command_lines(pid: int | None = None) -> Iterator[tuple[int, str]]:
    """Ids and command lines of the user's processes, or of one; the parts are separated as the system has them."""
    if not (_PROC / "self" / "cmdline").exists():
        yield from _listed(pid)
        return
    with os.scandir(_PROC) as scan:  # many times faster than a glob, where many servers are looked for
        names = [entry.name for entry in scan if entry.name.isdecimal()] if pid is None else [str(pid)]
    for folder in map(_PROC.joinpath, names):
        with contextlib.suppress(OSError):  # a process may end meanwhile
            if folder.stat().st_uid == os.geteuid():
                yield int(folder.name), os.fsdecode((folder / "cmdline").read_bytes()).removesuffix("\0")


def _listed(pid: int | None) -> Iterator[tuple[int, str]]:
    which = ["-U", str(os.geteuid())] if pid is None else ["-p", str(pid)]
    command = ["ps", "-ww", *which, "-o", "pid=,uid=,command="]
    for line in os.fsdecode(subprocess.run(command, capture_output=True, check=False).stdout).splitlines():
        number, user, text = line.split(maxsplit=2)
        if user == str(os.geteuid()):
            yield int(number), text
