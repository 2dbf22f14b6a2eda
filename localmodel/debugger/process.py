"""Debugging what runs as a process of this machine."""

import contextlib
import os
import signal
import time

from localmodel import files
from localmodel.debugger import package
from localmodel.debugger.debuggee import Gone, State, Wish, read_state
from localmodel.errors import UserError
from localmodel.targets import ports, resolve
from localmodel.targets.process import ProcessTarget
from localmodel.targets.state import ServerRecord

_SECONDS_FOR_PORT = 5.0


class ProcessDebuggee:
    """See debuggee.Debuggee."""

    def __init__(self, name: str, target: ProcessTarget) -> None:
        self.name = name
        self.code = self.entry = ""
        self._target = target
        self._place = target.place(name)
        # Where the server looks for it: beside its revision file.
        self._file = self._place.main.revision_file.with_name("debug.json")
        self._state_file = self._file.with_name(f"{self._file.name}.state")

    def find(self) -> None:
        running = self._running()
        record = self._place.record(self._place.main.wanted() or 0)
        if running is None or record is None:
            raise UserError("NotRunning", f"the server of {self.name} is not running; lmd apply starts it")
        # To one that does not expect it, the signal is the end.
        if running.program != resolve.server_digest():
            raise UserError("ServerOutdated", f"the server of {self.name} is another version; lmd apply starts it anew")
        self.code, self.entry = record.environment["AML_APP_ROOT"], record.environment["AZUREML_ENTRY_SCRIPT"]

    def begin(self, wish: Wish, identity: str) -> None:
        if wish.connect is None:
            _wait_for_port(wish.port)
        files.write(self._file, wish.request(identity, str(package.folder())).encode())
        self._signal()

    def state(self) -> State | None:
        if self._running() is None:
            raise Gone
        with contextlib.suppress(FileNotFoundError):
            return read_state(self._state_file.read_text())
        return None

    def end(self) -> None:
        self._file.unlink(missing_ok=True)
        self._signal()

    def _signal(self) -> None:
        running = self._running()
        if running:
            os.kill(int(running.id), signal.SIGUSR1)

    def _running(self) -> ServerRecord | None:
        return self._target.running(self._place)


def _wait_for_port(port: int) -> None:
    """The worker that had a debugger before may be about to end."""
    end = time.monotonic() + _SECONDS_FOR_PORT
    while not ports.is_free(port):
        if time.monotonic() > end:
            raise UserError("PortTaken", f"--port {port} is held by {ports.holder(port)}; name another one")
        time.sleep(0.1)
