"""Brings a revision into service, and keeps the old one if that fails."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from localmodel import advice, exclusive, reasons
from localmodel.errors import UserError
from localmodel.output.progress import Progress, now
from localmodel.output.so_far import SoFar
from localmodel.resource import replay
from localmodel.resource.spec import DeploymentSpec
from localmodel.targets import in_order, ports
from localmodel.targets.machine import addresses, known
from localmodel.targets.machine.rollout import decide, loading
from localmodel.targets.machine.rollout.log_tail import LogTail
from localmodel.targets.machine.runner import BuiltEnvironment, Runner
from localmodel.targets.machine.state import Attempt, RevisionRecord, ServerRecord, Slot, State


@dataclass(frozen=True)
class Rollout:
    """One rollout. `spec` and `environment` say what a new server is started from.

    `timeout` is in seconds, for each load of the revision. `give_way` is called while it loads, and raises if a newer
    command wants to serve something else.
    """

    runner: Runner
    place: State
    spec: DeploymentSpec
    environment: BuiltEnvironment
    timeout: float
    progress: Progress
    give_way: Callable[[], None]

    def bring(self, running: ServerRecord | None, write: Callable[[], RevisionRecord]) -> None:
        """Write the revision with `write` and bring it into service; check first that a server can have its port.

        Raises:
            UserError: RevisionFailed, GateFailed, ProgressDeadlineExceeded, PortTaken, Superseded.
        """
        self.give_way()
        if running is None:
            port = self._port()
            self._step(write(), lambda record: self._start(record, port))
            return
        moves = not decide.keeps_port(self.spec.local_port, running)
        port = self._port() if moves else running.port
        if self.spec.strategy == "Recreate":
            self._step(write(), lambda record: self._hand_over(record, running, port))
        elif moves:
            self._step(write(), lambda record: self._move(record, running, port))
        elif self.spec.strategy == "Auto" and running.program == self.environment.program:
            self._step(write(), lambda record: self._update(record, running))
        else:
            same = running.program == self.environment.program
            why = "spec.update.strategy is Roll" if same else "what the server is started from has changed"
            self.progress.note(f"{why}: another is tried beside it first")
            self._step(write(), lambda record: self._replace(record, running))

    def _port(self) -> int:
        return addresses.choose(self.runner, self.place, self.spec.local_port, self.progress.note)

    def _step(self, record: RevisionRecord, act: Callable[[RevisionRecord], None]) -> None:
        self.place.set_attempt(Attempt(record.number))
        with self.progress.step(f"revision {record.number}") as done:
            try:
                act(record)
            except UserError as error:
                if record.failed:  # one that has served before is not marked: a rollback may try it again
                    self.place.keep(replace(record, failed=f"{error.reason}: {str(error).splitlines()[0]}"))
                self.place.prune(self.spec.revision_history_limit)
                raise
            done("serves")
        self.place.set_served(record)
        self.place.prune(self.spec.revision_history_limit)

    def _start(self, record: RevisionRecord, port: int) -> None:
        """Start a server where none runs."""
        self.place.main.want(record)
        try:
            server = self._start_server(self.place.main, port)
            self.place.main.set_server(server)  # recorded at once, in case this command is killed
            self._wait(self.place.main, server, record)
        except BaseException as error:
            self.runner.clear(self.place)
            # Another program may take a port between the choice and the start
            if isinstance(error, UserError) and self.spec.local_port is None and not ports.is_free(port):
                return self._start(record, self._port())
            if good := self.place.served_last():
                self.place.main.want(good)
            raise

    def _update(self, record: RevisionRecord, running: ServerRecord) -> None:
        """Have the running server load the revision beside the old one."""
        old = self._serving(running)
        self.place.main.want(record)
        self.runner.send(running.id, signal.SIGHUP)
        try:
            self._wait(self.place.main, running, record, old)
        except BaseException as error:
            if old:
                self.place.main.want(old.record)  # so that a restart serves it, too
            # A server that fails to load the new revision keeps the old one by itself.
            if old and not (isinstance(error, UserError) and error.reason in loading.FAILED):
                self.runner.send(running.id, signal.SIGHUP)
            raise

    def _move(self, record: RevisionRecord, running: ServerRecord, port: int) -> None:
        """Start a server on another port, and end the old one when the new one serves."""
        old = self._serving(running)
        self.place.main.want(record)
        server = self._start_candidate(self.place.main, port)
        try:
            self._wait(self.place.main, server, record, old)
        except BaseException:
            self.runner.clear(self.place, [running.id])
            if old:
                self.place.main.want(old.record)
            raise
        self.place.main.set_server(server)
        self.runner.halt(self.place, running.id)
        self.runner.clear(self.place, [server.id])
        self.place.candidate.clear()

    def _replace(self, record: RevisionRecord, running: ServerRecord) -> None:
        """Start another server, first on a spare port as a proof, then on the port of the old one."""
        self._prove(record, self._serving(running))
        self._hand_over(record, running, running.port)

    def _hand_over(self, record: RevisionRecord, running: ServerRecord, port: int) -> None:
        """End the server, then start another one; start the old one again if that fails."""
        old, wanted = self._serving(running), self.place.known(self.place.main.wanted())
        with in_order.ends_in_order(), self.progress.step("the port changes hands") as done:
            begun = time.monotonic()
            self.runner.halt(self.place, running.id)
            try:
                self.place.main.want(record)
                server = self._start_candidate(self.place.main, port)
                self._wait(self.place.main, server, record)
            except BaseException as error:
                self.runner.clear(self.place, [running.id])
                resumed = self._resume(old.record if old else wanted, running)
                if not isinstance(error, UserError) or error.reason == reasons.SUPERSEDED or old is None:
                    raise
                raise UserError(error.reason, f"{error}\n{self._brought_back(old, resumed)}") from None
            self.place.main.set_server(server)
            done(f"requests were turned away for {time.monotonic() - begun:.1f} s")
        self.runner.clear(self.place, [server.id])
        self.place.candidate.clear()

    def _prove(self, record: RevisionRecord, old: "_Serving | None") -> None:
        slot = self.place.candidate
        slot.want(record)
        candidate = self._start_candidate(slot, ports.spare())
        try:
            self._wait(slot, candidate, record, old)
        finally:
            main = self.place.main.server()
            self.runner.clear(self.place, [main.id] if main else [])
            slot.clear()

    def _resume(self, old: RevisionRecord | None, running: ServerRecord) -> ServerRecord:
        if old:
            self.place.main.want(old)
        server = replace(running, id=self.runner.resume(self.place, running))
        self.place.main.set_server(server)
        self.place.candidate.clear()
        return server

    def _brought_back(self, old: "_Serving", server: ServerRecord) -> str:
        """A sentence on what became of the old revision."""
        try:
            self._wait(self.place.main, server, old.record)
        except UserError as error:
            return f"revision {old.record.number}, which was ended first, does not come back: {error}"
        return f"revision {old.record.number}, which was ended first, serves again at {server.url}"

    def _start_server(self, slot: Slot, port: int) -> ServerRecord:
        server = self.runner.start(self.place, slot, port, self.spec, self.environment)
        return ServerRecord(server, port, self.spec.local_port or port, self.environment.program)

    def _start_candidate(self, slot: Slot, port: int) -> ServerRecord:
        server = self._start_server(slot, port)
        self.place.candidate.set_server(server)
        return server

    def _wait(self, slot: Slot, server: ServerRecord, record: RevisionRecord, beside: "_Serving | None" = None) -> None:
        goes_on = beside.goes_on if beside else ""

        def ended() -> int | None:
            return None if self.runner.is_running(self.place, server.id) else self.runner.ended_by(server.id)

        gate = ", or the gate," if "LOCALMODEL_GATE" in record.environment else ""
        awaited = f"init() of {record.environment['AZUREML_ENTRY_SCRIPT']}{gate}"
        so_far, prints, shown = (
            SoFar(self.progress.note, f"revision {record.number}: {awaited} has not returned yet"),
            LogTail(self.place.log),
            "",
        )

        def look() -> None:
            nonlocal shown
            self.give_way()
            line = prints.last()
            so_far.look(f": {line}" if line else "")
            if line != shown:
                shown = line
                now(self.progress, line)

        try:
            loading.wait(slot, record.number, ended, self.place.log, self.timeout, look)
        except loading.LoadError as error:
            message = advice.more(str(error), known.of(self.place, record))
            others = exclusive.advice(f"{error}\n{error.traceback}", beside.record.number if beside else None)
            text = f"revision {record.number} does not serve: {message}{others}"
            raise UserError(error.reason, f"{text}\n{goes_on}" if goes_on else text) from None
        except loading.LoadTimeoutError:
            raise UserError(
                loading.LATE,
                f"revision {record.number} did not serve within {self.timeout:g} s{'; ' if goes_on else ''}{goes_on}. "
                f"By then {awaited} had not returned; the log of the deployment may say why. To allow more time, "
                "raise the timeout or spec.update.progressDeadlineSeconds",
            ) from None
        if replay.VARIABLE in record.environment:
            status = slot.status()
            unasked = "captured requests were not asked: no revision before it serves in the same server"
            self.progress.note(f"revision {record.number}: {(status and status.replayed) or unasked}")

    def _serving(self, running: ServerRecord) -> "_Serving | None":
        number, _ = loading.ask(running.port)
        record = self.place.known(number)
        return _Serving(record, running.url) if record else None


@dataclass(frozen=True)
class _Serving:
    """The revision that serves during the rollout."""

    record: RevisionRecord
    url: str

    @property
    def goes_on(self) -> str:
        return f"revision {self.record.number} goes on serving at {self.url}"
