"""The process target: a deployment is one scoring server on this machine, without container or cluster."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localmodel import manifest, spec
from localmodel.errors import UserError
from localmodel.spec import DeploymentSpec
from localmodel.targets import http, ports, resolve, revision_folder, server, state
from localmodel.targets.resolve import Desired
from localmodel.targets.state import RevisionRecord, ServerRecord, State
from localmodel.targets.target import Deployment, Progress

_FOLLOW_SECONDS = 0.2
_LOG_PIECE = 1 << 16  # characters


class ProcessTarget:
    """See target.Target."""

    name = "process"

    def apply(self, wanted: Path | Mapping[str, Any], timeout: float | None, progress: Progress) -> list[Deployment]:
        with progress.step("manifest") as done:
            manifests = manifest.read(wanted)
            name = manifests.deployment["metadata"]["name"]
            deployment = spec.parse(manifests.deployment["spec"])
            done(name)
        place = State(name)
        if deployment.suspend:
            progress.note("spec.suspend is set: nothing is changed")
            return [_observe(place)]
        _note_what_has_no_meaning(deployment, progress)
        with place.locked():
            desired = resolve.resolve(manifests, deployment, progress)
            running = _running(place)
            if running and _serves(place, running, desired):
                progress.note("nothing has changed")
            else:
                _bring(place, running, desired, timeout or deployment.progress_deadline_seconds, progress)
        return [_observe(place)]

    def deployments(self) -> list[Deployment]:
        return [_observe(State(name)) for name in state.names()]

    def get(self, name: str) -> Deployment:
        return _observe(_existing(name))

    def logs(self, name: str, follow: bool) -> Iterator[str]:
        return _read_log(_existing(name), follow)

    def delete(self, name: str) -> None:
        place = _existing(name)
        with place.locked():
            running = _running(place)
            if running:
                server.stop(place, running.pid)
            place.remove()


def _read_log(place: State, follow: bool) -> Iterator[str]:
    with place.log.open(errors="replace") as log:
        while True:
            yield from iter(lambda: log.read(_LOG_PIECE), "")
            if not follow or not place.log.exists():
                return
            time.sleep(_FOLLOW_SECONDS)


def _existing(name: str) -> State:
    known = state.names()
    if name not in known:
        there = f"there is: {', '.join(known)}" if known else "there is none"
        raise UserError("DeploymentNotFound", f"no deployment {name} runs as a process ({there})")
    return State(name)


def _note_what_has_no_meaning(wanted: DeploymentSpec, progress: Progress) -> None:
    fields = [
        name
        for name, is_set in (
            ("spec.replicas", wanted.replicas != 1),
            ("spec.resources", bool(wanted.resources)),
            ("spec.environment.baseImage", wanted.environment.base_image is not None),
        )
        if is_set
    ]
    if fields:
        progress.note(f"{', '.join(fields)}: without meaning for a process")


def _running(place: State) -> ServerRecord | None:
    record = place.server()
    return record if record and server.is_running(place, record.pid) else None


def _serves(place: State, running: ServerRecord, desired: Desired) -> bool:
    now = _observe(place)
    record = place.record(now.serving) if now.ready and now.serving else None
    return _keeps_port(running, desired) and record is not None and record.revision == desired.revision


def _keeps_port(running: ServerRecord, desired: Desired) -> bool:
    """Whether the manifest asks for the port that it asked for before, or for the one taken in its place."""
    return desired.spec.local_port in (running.wanted_port, running.port)


def _bring(place: State, running: ServerRecord | None, desired: Desired, timeout: float, progress: Progress) -> None:
    """Bring the revision into service, and leave the old one in service when that fails."""
    if running and running.code != desired.revision.server:
        progress.note("the server itself is another version: it is started anew")
        server.stop(place, running.pid)
        running = None
    if running and _keeps_port(running, desired):
        record = _write_revision(place, running, desired)
        with progress.step(f"revision {record.number}") as done:
            _update(place, running, record, timeout)
            done("serves")
    else:
        port = _choose_port(desired.spec.local_port, progress)
        record = _write_revision(place, running, desired)
        with progress.step(f"revision {record.number}") as done:
            _start(place, running, port, record, desired, timeout)
            done("serves")
    place.prune(record.number, desired.spec.revision_history_limit)


def _write_revision(place: State, running: ServerRecord | None, desired: Desired) -> RevisionRecord:
    latest = max(place.numbers(), default=0)
    last = place.record(latest)
    # A server that has ended is started again with the same revision; a failed one is tried again as a new one.
    again = running is None and last is not None and last.revision == desired.revision
    number = latest if again else latest + 1
    environment = revision_folder.write(place.folder(number), place.name, number, desired)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    cause = desired.revision.changes_from(last.revision if last else None)
    record = RevisionRecord(number, desired.revision, cause, now, environment)
    place.keep(record)
    return record


def _update(place: State, running: ServerRecord, record: RevisionRecord, timeout: float) -> None:
    old = _serving_record(place)
    place.want(record)
    server.reload(running.pid)
    try:
        server.wait(place, running.pid, record.number, timeout)
    except server.LoadFailed as error:
        goes_on = f"\nrevision {old.number} goes on serving at {running.url}" if old else ""
        raise UserError("RevisionFailed", f"revision {record.number} does not serve: {error}{goes_on}") from None
    except server.LoadTimeout:
        _withdraw(place, running, old)
        goes_on = f"; revision {old.number} goes on serving at {running.url}" if old else ""
        raise _too_slow(place, record, timeout, goes_on) from None
    except BaseException:
        _withdraw(place, running, old)
        raise


def _withdraw(place: State, running: ServerRecord, old: RevisionRecord | None) -> None:
    """Ask for the old revision again, so that the new one does not come up when nobody expects it any more."""
    if old:
        place.want(old)
        server.reload(running.pid)


def _start(
    place: State,
    before: ServerRecord | None,
    port: int,
    record: RevisionRecord,
    desired: Desired,
    timeout: float,
) -> None:
    """Start a server; the one before it (on another port) is stopped when the new one serves."""
    old = _serving_record(place) if before else None
    place.want(record)
    pid = server.start(place, port)
    new = ServerRecord(pid, port, desired.spec.local_port, desired.revision.server)
    if not before:
        place.set_server(new)  # at once, so that not even a killed command leaves a server that nobody knows
    try:
        server.wait(place, pid, record.number, timeout)
    except BaseException as error:
        server.stop(place, pid)
        if before and old:
            _withdraw(place, before, old)
        if isinstance(error, server.LoadFailed):
            raise UserError("RevisionFailed", f"revision {record.number} does not serve: {error}") from None
        if isinstance(error, server.LoadTimeout):
            raise _too_slow(place, record, timeout, "") from None
        raise
    if before:
        place.set_server(new)
        server.stop(place, before.pid)


def _too_slow(place: State, record: RevisionRecord, timeout: float, goes_on: str) -> UserError:
    return UserError(
        "ProgressDeadlineExceeded",
        f"revision {record.number} did not serve within {timeout:g} s{goes_on}. Look at lmd logs {place.name}, "
        "or allow more time with spec.update.progressDeadlineSeconds or --timeout",
    )


def _serving_record(place: State) -> RevisionRecord | None:
    number = _observe(place).serving
    return place.record(number) if number else None


def _choose_port(wanted: int, progress: Progress) -> int:
    last = min(wanted + ports.TRIED - 1, 65535)
    for port in range(wanted, last + 1):
        if ports.is_free(port):
            if port != wanted:
                progress.note(f"port {wanted} is held by {_holder(wanted)}; taking {port}")
            return port
    raise UserError(
        "PortTaken",
        f"spec.service.localPort: {wanted} is held by {_holder(wanted)}, and so is every port up to {last}",
    )


def _holder(port: int) -> str:
    for name in state.names():
        other = _running(State(name))
        if other and other.port == port:
            return f"the deployment {name!r} (process {other.pid})"
    return ports.holder(port)


def _observe(place: State) -> Deployment:
    record, wanted, status = place.server(), place.wanted(), place.status()
    url = record.url if record else ""
    failed = f"revision {wanted} does not serve: {status['error']}" if status and status["error"] else ""
    if record is None or not server.is_running(place, record.pid):
        return Deployment(place.name, False, None, url, failed or "the server is not running; lmd apply starts it")
    serving, problem = _ask(record.port)
    ready = serving is not None and serving == wanted and not failed
    return Deployment(place.name, ready, serving, url, failed or problem or ("" if ready else "loading"))


def _ask(port: int) -> tuple[int | None, str]:
    """Number of the revision that answers on the port, or None and why not."""
    try:
        answer = http.request(f"http://{ports.HOST}:{port}/readyz", timeout=5)
    except UserError as error:
        return None, str(error)
    content = json.loads(answer.body)
    return (int(content["revision"]), "") if answer.status == 200 else (None, str(content["message"]))
