"""A deployment as one scoring server on this machine, without a cluster; the runner decides how it runs."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from localmodel import reasons
from localmodel.disk import home, state_file
from localmodel.errors import UserError
from localmodel.output.progress import Progress, check
from localmodel.resource import spec
from localmodel.resource.manifest import Manifests
from localmodel.resource.spec import DeploymentSpec
from localmodel.store import Store
from localmodel.targets import captured_request, drafts, earlier, log_file, standing
from localmodel.targets.captured_request import CapturedRequest
from localmodel.targets.machine import addresses, history, imported, records, resolve, revision_folder, state
from localmodel.targets.machine.resolve import Desired
from localmodel.targets.machine.rollout import decide, loading, rollback
from localmodel.targets.machine.rollout.rollout import Rollout
from localmodel.targets.machine.runner import Runner
from localmodel.targets.machine.state import Attempt, RevisionRecord, ServerRecord, State
from localmodel.targets.standing import Seen
from localmodel.targets.target import DeploymentStatus, Draft, ManifestSource, PastRevision, Planned
from localmodel.updates.plan import Facts
from localmodel_untrusted import captured_lines

# After these, something newer reports the state, or nothing was begun.
_NOT_AN_ATTEMPT = (reasons.SUPERSEDED, reasons.REVISION_NOT_FOUND)
_SEEN_AT_ONCE = 32

Value = TypeVar("Value")


class LocalTarget:
    """Implements `Target` for deployments on this machine."""

    def __init__(self, runner: Runner) -> None:
        self.name = runner.target
        self.runner = runner

    def apply(self, wanted: ManifestSource, timeout: float | None, progress: Progress) -> list[DeploymentStatus]:
        with progress.step("manifest") as done:
            draft = drafts.of(wanted)
            name = draft.manifests.deployment["metadata"]["name"]
            deployment = spec.parse(draft.manifests.deployment["spec"])
            done(name)
        place = self.place(name)
        if deployment.suspend:
            progress.note("spec.suspend is set: nothing is changed")
            return [self._observe(place)]
        if fields := self.runner.without_meaning(deployment):
            progress.note(f"{', '.join(fields)}: ignored by --target {self.name}")
        before = self._builds()
        seconds = timeout or deployment.progress_deadline_seconds
        with self._changing(place, seconds, progress) as give_way:
            try:
                self._apply(place, draft, deployment, seconds, progress, give_way)
            except UserError as error:
                again = error.reason != reasons.SUPERSEDED and self._bring_back(
                    place, deployment, seconds, progress, give_way
                )
                if not again:
                    raise
                raise UserError(error.reason, f"{error}\n{again}") from None
        self._sweep(before)
        return [self._observe(place)]

    @contextmanager
    def _turn(self, place: State, seconds: float, progress: Progress) -> Iterator[Callable[[], None]]:
        """A turn with the deployment; yields `Rollout.give_way`."""
        with place.turn(seconds, progress.note) as turn, self.runner.at_work():

            def give_way() -> None:
                turn.check()
                check(progress)

            yield give_way

    @contextmanager
    def _changing(self, place: State, seconds: float, progress: Progress) -> Iterator[Callable[[], None]]:
        """A turn that keeps why the deployment could not be served; yields `Rollout.give_way`."""
        with self._turn(place, seconds, progress) as give_way:
            try:
                yield give_way
            except UserError as error:
                if error.reason not in _NOT_AN_ATTEMPT and not state_file.is_unreadable(error):
                    place.set_attempt(Attempt(reason=error.reason, message=str(error).splitlines()[0]))
                raise
            except KeyboardInterrupt as error:
                error.add_note(self._left(place))
                raise
            place.end_attempt()

    def _left(self, place: State) -> str:
        """What became of a command that was interrupted."""
        now, given_up = self._observe(place), "what was asked for has been given up; lmd apply asks for it again"
        if now.serving is None:
            return f"{place.name}: nothing serves, and {given_up}"
        return f"{place.name}: revision {now.serving} goes on serving at {now.url}; {given_up}"

    def _apply(
        self,
        place: State,
        draft: Draft,
        wanted: DeploymentSpec,
        timeout: float,
        progress: Progress,
        give_way: Callable[[], None],
    ) -> None:
        desired = self._resolve(place, draft.manifests, wanted, progress, draft.store)
        # Records that are damaged are no reason to refuse anything: they are made anew below.
        imported.require(draft.manifests, desired, _readable(place.served_last), progress)
        if wanted.local_port:
            self._require_port(place, wanted.local_port)
        manifests = draft.keep()
        if manifests != draft.manifests:  # meanwhile another command has registered something under the name
            wanted = spec.parse(manifests.deployment["spec"])
            desired = self._resolve(place, manifests, wanted, progress)
        for error in place.mend():
            progress.note(f"{str(error).partition(';')[0]}; continuing without it")
        place.set_applied(manifests)
        running = self._alone(place)
        decision = decide.decide(place, desired, self.runner, running)
        if decision.plan.lane == "nothing":
            progress.note(decision.plan.reason)
            if decision.before:  # the command that asked for it may have been ended before it served
                place.set_served(decision.before)
            return
        with progress.step("plan") as done:
            done(f"{decision.plan.lane}: {decision.plan.reason}")
        place.set_attempt(Attempt())
        if decision.again:
            rollback.serve(self.runner, place, desired.spec, decision.again, running, timeout, progress, give_way)
            return
        place.set_inputs(decision.facts)
        place.set_build(self.runner.key(desired.spec, desired.lock))
        with progress.step("environment") as done:
            environment = self.runner.build(desired.spec, desired.lock, progress)
            done(f"Python {desired.spec.environment.python}")

        def write() -> RevisionRecord:
            before, observed, again = decision.before, decision.observed, running is None
            return records.write(place, self.name, desired, decision.facts, environment, before, observed, again)

        Rollout(self.runner, place, desired.spec, environment, timeout, progress, give_way).bring(running, write)

    def _require_port(self, place: State, port: int) -> None:
        """
        Raises:
            UserError: PortTaken, by something else than this deployment.
        """
        running = _readable(lambda: self.running(place)) or self.runner.find(place)
        self.runner.clear(place, [running.id] if running else [])  # what has stopped may still hold it
        if not (running and decide.keeps_port(port, running)):
            addresses.require(self.runner, port)

    def _bring_back(
        self, place: State, wanted: DeploymentSpec, timeout: float, progress: Progress, give_way: Callable[[], None]
    ) -> str:
        """Serve the last revision again if no server runs; return a sentence about it, or "" if that is impossible."""
        try:
            good = place.served_last()
            tried = place.attempt()
            failed_itself = good and tried and tried.revision == good.number
            if good is None or failed_itself or place.is_stopped() or self.running(place):
                return ""
            rollback.serve(self.runner, place, wanted, good, None, timeout, progress, give_way)
            server = place.main.server()
        except UserError:
            return ""
        return f"revision {good.number} serves again at {server.url}" if server else ""

    def plan(self, wanted: ManifestSource, progress: Progress) -> list[Planned]:
        draft = drafts.of(wanted)
        name = draft.manifests.deployment["metadata"]["name"]
        deployment = spec.parse(draft.manifests.deployment["spec"])
        if deployment.suspend:
            return [Planned(name, "nothing", (), "spec.suspend is true: edits wait")]
        place = self.place(name)
        desired = self._resolve(place, draft.manifests, deployment, progress, draft.store, only_plan=True)
        imported.require(draft.manifests, desired, place.served_last(), progress)
        planned = decide.decide(place, desired, self.runner, self.running(place)).plan
        return [Planned(name, planned.lane, planned.steps, planned.reason)]

    def _resolve(
        self,
        place: State,
        manifests: Manifests,
        wanted: DeploymentSpec,
        progress: Progress,
        store: Store | None = None,
        only_plan: bool = False,
    ) -> Desired:
        return resolve.resolve(manifests, wanted, self.runner, progress, place.locks(), store, only_plan)

    def history(self, name: str) -> list[PastRevision]:
        place = self._existing(name)
        return history.of(place, self._observe(place).serving)

    def code(self, name: str, revision: int) -> dict[str, bytes]:
        place = self._existing(name)
        record = place.known(revision)
        return revision_folder.code(place.folder(revision), record.facts.get("files", {})) if record else {}

    def facts(self, name: str, revision: int) -> Facts | None:
        record = self._existing(name).known(revision)
        return Facts.from_json(record.facts) if record else None

    def rollback(self, name: str, to: int | None, timeout: float | None, progress: Progress) -> DeploymentStatus:
        place = self._existing(name)
        wanted = spec.parse(self.manifests(name).deployment["spec"])
        seconds = timeout or wanted.progress_deadline_seconds
        self._choose(place, to)  # first, so that a refused command does not take a running one's place
        with self._changing(place, seconds, progress) as give_way:
            number, serving = self._choose(place, to)
            if number == serving == place.main.wanted():
                progress.note(f"revision {number} serves already")
            elif record := place.known(number):
                running = self._alone(place)
                rollback.serve(self.runner, place, wanted, record, running, seconds, progress, give_way)
            place.set_rolled_back(number)
        return self._observe(place)

    def _choose(self, place: State, to: int | None) -> tuple[int, int | None]:
        """The number of the revision to go back to, and of the one that serves."""
        serving = self._observe(place).serving
        past = history.of(place, serving)
        if serving is None and (good := place.served_last()):
            return earlier.choose(place.name, past, None, good.number, to).revision, None
        now = serving or place.main.wanted()
        return earlier.choose(place.name, past, now, place.served_before(), to).revision, serving

    def start(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        return self._start(self._existing(name), timeout, progress, afresh=False)

    def restart(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        return self._start(self._existing(name), timeout, progress, afresh=True)

    def _start(self, place: State, timeout: float | None, progress: Progress, afresh: bool) -> DeploymentStatus:
        """Serve what serves, or served last; `afresh` by another server.

        What was applied last may have failed, or been interrupted: it stays as it is, whatever becomes of this.
        """
        wanted = spec.parse(self.manifests(place.name).deployment["spec"])
        seconds = timeout or wanted.progress_deadline_seconds
        with self._turn(place, seconds, progress) as give_way:
            pending = place.attempt()
            running = self._alone(place)
            serving = loading.ask(running.port)[0] if running else None
            record = place.known(serving) or place.served_last()
            if record is None:
                raise UserError(
                    reasons.REVISION_NOT_FOUND, f"no revision of {place.name} has served; lmd apply makes one"
                )
            if serving and not afresh:
                progress.note(f"revision {serving} serves already")
            else:
                pending = pending or _gone_back(place, record)
                again = replace(wanted, strategy="Recreate")
                try:
                    rollback.serve(self.runner, place, again, record, running, seconds, progress, give_way)
                finally:
                    if pending:
                        place.set_attempt(pending)
                    else:
                        place.end_attempt()
        return self._observe(place)

    def promote(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        raise self._not_tried(name)

    def abort(self, name: str, timeout: float | None, progress: Progress) -> DeploymentStatus:
        raise self._not_tried(name)

    def _not_tried(self, name: str) -> UserError:
        self._existing(name)
        text = (
            f"{name} is on this machine, where no revision is tried beside another; "
            "for one of a cluster, add --target kind"
        )
        return UserError(reasons.ARGUMENT_INVALID, text)

    def stop(self, name: str, progress: Progress) -> DeploymentStatus:
        place = self._existing(name)
        with place.turn(note=progress.note), progress.step(f"stop {name}"):
            place.set_stopped()
            self.runner.clear(place)
            place.candidate.clear()
        return self._observe(place)

    def deployments(self, choose: Callable[[list[str]], list[str]] = list) -> list[DeploymentStatus]:
        places = map(self.place, choose(state.names(self.runner.folder)))
        with ThreadPoolExecutor(_SEEN_AT_ONCE) as threads:  # one that does not answer is waited for
            return [*threads.map(self._observe, places)]

    def get(self, name: str) -> DeploymentStatus:
        return self._observe(self._existing(name))

    def reach(self, deployment: DeploymentStatus) -> str:
        return deployment.url

    def metrics(self, name: str) -> list[str]:
        running = self.running(self._existing(name))
        return [text] if running and (text := loading.metrics(running.port)) else []

    def in_cluster(self, name: str) -> None:
        return None

    def manifests(self, name: str) -> Manifests:
        applied = self._existing(name).applied()
        if applied is None:
            raise self._missing(name)
        return applied

    def logs(self, name: str, follow: bool, lines: int | None = None) -> Iterator[str]:
        place = self._existing(name)
        build = state_file.or_skip(place.build)
        return log_file.read(home.build_log(build) if build else None, place.log, follow, lines)

    def captured(self, name: str, count: int, containing: str = "") -> list[CapturedRequest]:
        folder = self._existing(name).capture
        try:
            lines = captured_lines.last(str(folder), count, containing=containing)
        except OSError as error:
            raise UserError(reasons.HOME_UNUSABLE, f"{folder}: {error.strerror}") from None
        return captured_request.of_lines(lines, str(folder))

    def delete(self, name: str) -> None:
        place = self._existing(name)
        before = self._builds()
        with place.turn():
            self.runner.clear(place)
            place.remove()
        self._sweep(before)

    def place(self, name: str) -> State:
        return State(self.runner.folder, name)

    def running(self, place: State) -> ServerRecord | None:
        """The deployment's server if it runs, else None."""
        record = place.main.server()
        return record if record and self.runner.is_running(place, record.id) else self.runner.find(place)

    def _alone(self, place: State) -> ServerRecord | None:
        """The deployment's running server, after removing what killed commands and ended servers have left."""
        running = self.running(place)
        if running and running != place.main.server():
            place.main.set_server(running)
        self.runner.clear(place, [running.id] if running else [])
        place.candidate.clear()
        return running

    def _existing(self, name: str) -> State:
        if name not in state.names(self.runner.folder):
            raise self._missing(name)
        return self.place(name)

    def _missing(self, name: str) -> UserError:
        known = state.names(self.runner.folder)
        names = f"there are: {', '.join(known)}" if known else "there is none"
        return UserError(reasons.DEPLOYMENT_NOT_FOUND, f"no deployment {name} runs as a {self.runner.unit} ({names})")

    def _sweep(self, before: set[str] | None) -> None:
        after = self._builds()
        if before and after is not None and before - after:
            self.runner.sweep(before - after)

    def _builds(self) -> set[str] | None:
        """Keys of the environments that deployments use; None if that cannot be read, so that none is swept."""
        try:
            return {key for name in state.names(self.runner.folder) for key in self.place(name).builds()}
        except UserError as error:
            state_file.unreadable(error)
            return None

    def _observe(self, place: State) -> DeploymentStatus:
        at_work = False
        try:
            at_work = place.is_at_work()  # checked first: a command that ends now has written what is read below
            return self._seen(place, at_work)
        except UserError as error:
            state_file.unreadable(error)
            return DeploymentStatus(place.name, False, None, "", str(error), not at_work, damaged=True)

    def _seen(self, place: State, at_work: bool) -> DeploymentStatus:
        server, wanted, attempt = place.main.server(), place.main.wanted(), place.attempt()
        failed, serving, down, problem, stopped = _failed(place), None, "", "", False
        try:
            running = self.running(place)
        except UserError as error:  # a status reports trouble instead of failing
            running, problem = None, str(error)
        if running:
            server = running
            serving, problem = loading.ask(running.port)
        elif not problem:
            down, stopped = _down(place, failed), place.is_stopped()
        # A server may still load what a killed command has asked for.
        ended = attempt is not None and not attempt.reason and not serving == wanted == attempt.revision
        serves = serving is not None and serving == wanted and not ended
        if ended and running and serving is None and (good := place.served_last()):  # it was to be replaced at once
            down = f"nothing serves: the command that asked for revision {wanted} was ended; "
            down += f"lmd rollback {place.name} brings revision {good.number} back, which served last"
        status = standing.judge(Seen(serves, failed, at_work, down, ended, problem))
        url = server.url if server else ""
        record = place.known(serving)
        scoring = str(record.facts.get("generated", "")) if record else ""
        return DeploymentStatus(
            place.name,
            status.ready,
            serving,
            url,
            status.message,
            status.stalled,
            place.durable(),
            stopped=stopped,
            scoring=scoring,
        )


def _readable(read: Callable[[], Value]) -> Value | None:
    """What is read; None where it cannot be."""
    try:
        return read()
    except UserError:
        return None


def _failed(place: State) -> str:
    """Why the last apply does not serve, or ""."""
    attempt, status = place.attempt(), place.main.status()
    if attempt and attempt.reason:
        is_of_revision = attempt.reason in (*loading.FAILED, loading.LATE)
        return attempt.message if is_of_revision else f"what was asked for last does not serve: {attempt.message}"
    return f"revision {place.main.wanted()} does not serve: {status.error}" if status and status.error else ""


def _gone_back(place: State, to: RevisionRecord) -> Attempt | None:
    """That the server has gone back to this revision from another one, as it says; the next server does not know."""
    wanted = place.main.wanted()
    failed = _failed(place)
    return Attempt(wanted, reasons.REVISION_FAILED, failed) if failed and wanted != to.number else None


def _down(place: State, failed: str) -> str:
    """That no server runs, and which command starts one."""
    if good := place.served_last():
        down = "it is stopped" if place.is_stopped() else "the server is not running"
        return f"{down} (revision {good.number} served last); lmd start {place.name} starts it"
    if failed:
        return failed
    if place.main.server() is None:
        return f"no revision was made; lmd logs {place.name} shows why"
    return "the server is not running; lmd apply starts it"
