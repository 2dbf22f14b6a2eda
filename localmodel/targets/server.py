"""The scoring server as a process of this machine: start it, know it again, stop it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from localmodel import data
from localmodel.targets.ports import HOST
from localmodel.targets.state import Slot, State

# What belongs to the machine rather than to the shell that happens to call. Everything else a script needs is in the
# manifest, which then means the same in a process, in a container and on a cluster.
_PASSED_ON = {
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
}
_POLL_SECONDS = 0.02
_SECONDS_TO_STOP = 10.0


def start(state: State, slot: Slot, port: int) -> int:
    """Start a server that outlives this command, and reads the slot's files; returns its process id."""
    command = [sys.executable, "-P", "-m", "localmodel_server", "--host", HOST, "--port", str(port)]
    command += ["--revision-file", str(slot.revision_file), "--status-file", str(slot.status_file)]
    command += ["--log-file", str(state.log)]
    environment = {name: value for name, value in os.environ.items() if is_passed_on(name)}
    environment["PYTHONPATH"] = str(data.folder("scoring-image"))
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
    # For a moment after exec() a process has no command line yet, which is what it is known by.
    while process.poll() is None and not is_running(state, process.pid):
        time.sleep(_POLL_SECONDS)
    process.returncode = 0  # nobody waits for it: it outlives this command
    return process.pid


def is_passed_on(name: str) -> bool:
    """Whether the shell's variable of this name reaches the server, and so the script."""
    return name in _PASSED_ON or name.startswith("LC_")


def is_running(state: State, pid: int) -> bool:
    """Whether the process is a server of this deployment: process ids are used again."""
    return f"{state.root}/status" in _command_line(pid)


def stop(state: State, pid: int) -> None:
    """End the server; requests in flight are answered, if that takes no more than ten seconds."""
    for number, seconds in ((signal.SIGTERM, _SECONDS_TO_STOP), (signal.SIGKILL, 1.0)):
        if is_running(state, pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        end = time.monotonic() + seconds
        while is_running(state, pid) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _command_line(pid: int) -> str:
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""
    return subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
