"""Debugging a deployment on this machine, in a process or a container."""

import signal

from localmodel import reasons
from localmodel.debugger import package
from localmodel.debugger.debuggee import DebuggeeGoneError, DebuggerState, Wish, read_state
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.targets.machine import resolve
from localmodel.targets.machine.local import LocalTarget
from localmodel.targets.machine.state import ServerRecord


class LocalDebuggee:
    """Implements `Debuggee` for the targets process and docker."""

    def __init__(self, name: str, target: LocalTarget) -> None:
        self.name = name
        self.code = self.entry = ""
        self._target = target
        self._place = target.place(name)
        # The server looks for it beside its revision file.
        self._file = self._place.main.revision_file.with_name("debug.json")
        self._state_file = self._file.with_name(f"{self._file.name}.state")

    def find(self) -> None:
        self._running()
        record = self._place.record(self._place.main.wanted() or 0)
        if record is None:
            raise self._not_running()
        # The signal would end a server that does not expect it.
        if record.revision.server != resolve.server_digest():
            raise UserError(
                reasons.SERVER_OUTDATED,
                f"the server of {self.name} is of another version of localmodel; run lmd apply to restart it",
            )
        self.code, self.entry = record.environment["AML_APP_ROOT"], record.environment["AZUREML_ENTRY_SCRIPT"]

    def begin(self, wish: Wish, identity: str) -> int:
        running, listen, port = self._running(), ("", 0), 0
        if wish.connect is None:
            listen, port = self._target.runner.debug_ports(running.id, wish.port)
        files.write(self._file, wish.request(identity, str(package.folder()), listen).encode())
        self._target.runner.send(running.id, signal.SIGUSR1)
        return port

    def state(self) -> DebuggerState | None:
        if self._target.running(self._place) is None:
            raise DebuggeeGoneError
        content = state_file.load(self._state_file, lambda content: content, "remove it, and debug again")
        return read_state(content, str(self._state_file))

    def end(self) -> None:
        self._file.unlink(missing_ok=True)
        running = self._target.running(self._place)
        if running:
            self._target.runner.send(running.id, signal.SIGUSR1)

    def _running(self) -> ServerRecord:
        running = self._target.running(self._place)
        if running is None:
            raise self._not_running()
        return running

    def _not_running(self) -> UserError:
        return UserError(
            reasons.NOT_RUNNING, f"the server of {self.name} is not running; lmd start {self.name} starts it"
        )
