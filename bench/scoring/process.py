"""A server's processes: starts and ends them, and measures first answer, memory and processor time."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scoring.forms import Message
from scoring.servers import Place, Server

_STARTS_WITHIN = 90.0  # seconds
_LOADS_WITHIN = 15.0  # after the first answer that is an error
_ENDS_WITHIN = 5.0
_TICK = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """The server gave no good answer in time; the text has the end of its log."""


class Running:
    """A server that has been started; `ready_seconds` is the time from there to its first good answer."""

    def __init__(self, server: Server, place: Place) -> None:
        self.server, self.place, self.port = server, place, place.port
        command = server.command(place)
        self._log = place.folder / "log"
        variables = {**os.environ, "AZUREML_MODEL_DIR": str(place.model), **command.variables}
        self._started = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command.arguments, env=variables, cwd=place.folder, stdout=log, stderr=log, start_new_session=True
            )
        self.ready_seconds = 0.0

    def wait_until_answers(self, request: Message) -> None:
        """Ask until the answer is 200.

        Raises:
            StartError: it was not in time.
        """
        deadline, last = self._started + _STARTS_WITHIN, "no answer"
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.ask(request)
                self.ready_seconds = time.monotonic() - self._started
                return
            except http.client.HTTPException as error:
                # Some servers answer with an error until the model is loaded.
                deadline, last = min(deadline, time.monotonic() + _LOADS_WITHIN), str(error)
            except OSError:
                pass
            time.sleep(0.01)
        log = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
        raise StartError(f"{self.server.name} does not serve ({last}); the end of its log:\n{log}")

    def ask(self, request: Message) -> Message:
        """Send one request on a new connection.

        Raises:
            HTTPException: the answer is not 200.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", self.server.form.path, request.body, dict(request.headers))
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise http.client.HTTPException(f"{response.status} {body[:300]!r}")
        return Message({name.lower(): value for name, value in response.getheaders()}, body)

    def memory(self) -> float:
        """Proportional set size of all its processes, in MB."""
        kilobytes = 0
        for pid in self._pids():
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                kilobytes += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
        return kilobytes / 1000

    def processor_seconds(self) -> float:
        """Processor time of all its processes so far."""
        ticks = 0
        for pid in self._pids():
            with suppress(OSError):
                fields = _stat_fields(pid)
                ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICK

    def stop(self) -> None:
        """End it, with everything that it has started; may be called again."""
        handles = [_handle(pid) for pid in self._pids()]
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_WITHIN)
        for handle in filter(None, handles):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
        self._process.wait()

    def _pids(self) -> list[int]:
        """All its processes: those in its session, and their descendants."""
        parents = {int(path.name): _ancestry(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
        own = {pid for pid, (_, session) in parents.items() if session == self._process.pid}
        while True:
            more = {pid for pid, (parent, _) in parents.items() if parent in own} - own
            if not more:
                return sorted(own)
            own |= more


def _ancestry(pid: int) -> tuple[int, int]:
    """Parent and session of a process, or -1 if it is gone."""
    try:
        fields = _stat_fields(pid)
    except OSError:
        return -1, -1
    return int(fields[1]), int(fields[3])


def _stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may have any characters."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _handle(pid: int) -> int | None:
    """A descriptor of the process, so that its number cannot mean another one; None if it is gone."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


@contextmanager
def stopping(running: list[Running]) -> Iterator[None]:
    """A block after which all servers are ended."""
    try:
        yield
    finally:
        for server in running:
            server.stop()


def machine_seconds() -> float:
    """Processor time that all processes of this machine have used so far, with what its host has withheld."""
    user, nice, system, _, _, _, _, stolen = map(int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9])
    return (user + nice + system + stolen) / _TICK


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(listener.getsockname()[1]) for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports
