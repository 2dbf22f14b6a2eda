"""The folder with the records of a deployment on this machine."""

import base64
import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from localmodel import digests
from localmodel.disk import files, state_file
from localmodel.errors import UserError
from localmodel.resource.manifest import Manifests
from localmodel.targets.machine import turn
from localmodel.targets.machine.turn import Turn
from localmodel.updates.plan import Facts
from localmodel.updates.revision import Revision, beyond
from localmodel_untrusted import json_text

# A folder with any of these belongs to a deployment, whatever else is lost.
_TRACES = ("applied.json", "revision.json", "server.json", "server-candidate.json", "revisions")
# The advice about a damaged file of a deployment.
_DO = "run lmd apply to write it again, or lmd delete to remove the deployment"
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class RevisionRecord:
    """A revision of the deployment, with the environment variables that make a server serve it.

    `build` is the key of its environment, `code` the digest of its source folder. `facts` are the planner's, as JSON;
    records of earlier versions have none. `failed` says why it does not serve, as `Reason: text`.
    """

    number: int
    revision: Revision
    cause: str
    created: str
    environment: Mapping[str, str]
    build: str
    target: str
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True)
class ServerRecord:
    """A server: the `id` of its process or container, its port, and `wanted_port`, the port in the manifest.

    `program` is the digest of what it was started from, which cannot change while it runs.
    """

    id: str
    port: int
    wanted_port: int
    program: str

    def __post_init__(self) -> None:
        if not 0 < self.port < 65536:
            raise ValueError(f"port is {self.port}")

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/score"


@dataclass(frozen=True)
class StatusRecord:
    """A server's report on its last load.

    It has `milliseconds` by part, `how` the workers were started, and what came of captured requests, in words.
    """

    serving: str | None
    wanted: str
    error: str | None
    reason: str | None = None
    traceback: str | None = None
    how: str = ""
    milliseconds: Mapping[str, int] = field(default_factory=dict)
    replayed: str = ""


@dataclass(frozen=True)
class _Served:
    now: int
    before: int | None


@dataclass(frozen=True)
class _Newest:
    number: int


@dataclass(frozen=True)
class Attempt:
    """The last apply, until it serves, with its `revision` as soon as there is one.

    It has failed if it has a `reason` and a `message`. Otherwise a command works on it, or was ended.
    """

    revision: int | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class _RolledBack:
    revision: int


class Slot:
    """The files that tell one server what to serve, and where it reports. Each is replaced atomically."""

    def __init__(self, root: Path, suffix: str = "") -> None:
        self.revision_file = root / f"revision{suffix}.json"
        self.status_file = root / f"status{suffix}.json"
        self._server_file = root / f"server{suffix}.json"

    def want(self, record: RevisionRecord) -> None:
        """Write what the server reads at its start and at SIGHUP, and remove its last report."""
        _remove(self.status_file)
        files.write(self.revision_file, digests.canonical_json({"environment": dict(record.environment)}))

    def wanted(self) -> int | None:
        """The number of the revision that was last asked for."""

        def parse(content: bytes) -> int:
            return int(json_text.parse(content)["environment"]["LOCALMODEL_REVISION"])

        return state_file.load(self.revision_file, parse, _DO)

    def status(self) -> StatusRecord | None:
        """The server's report on its last load. The script's words in it may be invalid Unicode."""

        def parse(content: bytes) -> StatusRecord:
            return state_file.typed(json_text.parse(content, "replace"), StatusRecord)

        return state_file.load(self.status_file, parse, _DO)

    def server(self) -> ServerRecord | None:
        return state_file.read(self._server_file, ServerRecord, _DO)

    def set_server(self, server: ServerRecord) -> None:
        files.write(self._server_file, digests.canonical_json(asdict(server)))

    def clear(self) -> None:
        for file in (self._server_file, self.revision_file, self.status_file):
            _remove(file)

    def parts(self) -> Iterator[tuple[Path, Callable[[], object]]]:
        """Each file with the function that reads it."""
        yield self._server_file, self.server
        yield self.revision_file, self.wanted
        yield self.status_file, self.status


class State:
    """The deployment's folder, below its target's folder. Readers need no lock."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.root = folder / name
        self.log = self.root / "server.log"
        self.capture = self.root / "capture"
        self.main = Slot(self.root)
        self.candidate = Slot(self.root, "-candidate")
        self._lock = self.root / "lock"
        self._applied = self.root / "applied.json"
        self._attempt = self.root / "attempt.json"
        self._build = self.root / "build"
        self._inputs = self.root / "inputs.json"
        self._rollback = self.root / "rollback.json"
        self._served = self.root / "served.json"
        self._newest = self.root / "newest.json"
        self._stopped = self.root / "stopped"
        self._revisions = self.root / "revisions"

    @contextlib.contextmanager
    def turn(self, seconds: float = 60.0, note: Callable[[str], None] = lambda text: None) -> Iterator[Turn]:
        """The one turn to change the deployment; wait `seconds` until an older command has given way.

        Raises:
            UserError: Superseded, Busy, StateDamaged.
        """
        with turn.taken(self.name, self._lock, seconds, note) as taken:
            try:
                yield taken
            finally:
                if not _is_deployment(self.root):  # the command has left nothing to keep
                    shutil.rmtree(self.root, ignore_errors=True)

    def is_at_work(self) -> bool:
        """Whether a command is changing the deployment."""
        return turn.is_taken(self._lock)

    def numbers(self) -> list[int]:
        """The numbers of the kept revisions, ascending."""
        folders = (self._revisions / entry.name for entry in state_file.entries(self._revisions))
        records = (folder / "record.json" for folder in folders if folder.name.isdecimal())
        return sorted(int(path.parent.name) for path in records if os.path.lexists(path))

    def folder(self, number: int) -> Path:
        return self._revisions / str(number)

    def record(self, number: int) -> RevisionRecord | None:
        def parse(content: bytes) -> RevisionRecord:
            record = state_file.typed(json_text.parse(content), RevisionRecord)
            Facts.from_json(record.facts)  # raises if they are something else
            return record

        do = "the other revisions stay; lmd apply makes another one"
        return state_file.load(self.folder(number) / "record.json", parse, do)

    def known(self, number: int | None) -> RevisionRecord | None:
        """The record, or None if there is none or it cannot be read."""
        with contextlib.suppress(UserError):
            return self.record(number) if number else None
        return None

    def keep(self, record: RevisionRecord) -> None:
        files.write(self.folder(record.number) / "record.json", digests.canonical_json(asdict(record)))

    def next_number(self) -> int:
        """A number that no revision has had, not even a removed one."""
        last, newest = self._last_served(), self._newest_number()
        known = (self.main.wanted(), last and last.now, last and last.before, newest and newest.number)
        return max(0, *self.numbers(), *(number or 0 for number in known)) + 1

    def set_newest(self, number: int) -> None:
        """Keep the number of the newest revision, whatever becomes of its record."""
        files.write(self._newest, digests.canonical_json({"number": number}))

    def prune(self, limit: int) -> None:
        """Remove revisions beyond the limit, except those that served last and the newest."""
        numbers, last = self.numbers(), self._last_served()
        keep = {last and last.now, last and last.before, *numbers[-1:]}
        others = [number for number in numbers if number != (last and last.now)]
        failed = {number for number in others if (record := self.known(number)) and record.failed}
        for number in {*beyond(limit, others, {*others} - failed)} - keep:
            _remove(self.folder(number))

    def set_applied(self, manifests: Manifests) -> None:
        """Keep what was applied."""
        config_maps = {
            name: {key: base64.b64encode(value).decode() for key, value in content.items()}
            for name, content in manifests.config_maps.items()
        }
        content = {
            "deployment": manifests.deployment,
            "configMaps": config_maps,
            "beside": list(manifests.beside),
        }
        files.write(self._applied, digests.canonical_json(content))

    def applied(self) -> Manifests | None:
        """The manifests of the last apply that could be resolved."""

        def parse(content: bytes) -> Manifests:
            kept = json_text.parse(content)
            deployment = kept["deployment"]
            if deployment["metadata"]["name"] != self.name or not isinstance(deployment["spec"], dict):
                raise ValueError(f"it is not the manifest of {self.name}")
            config_maps = {
                name: {key: base64.b64decode(value) for key, value in texts.items()}
                for name, texts in kept["configMaps"].items()
            }
            return Manifests(deployment, config_maps, tuple(map(str, kept.get("beside", ()))))

        return state_file.load(self._applied, parse, _DO)

    def set_attempt(self, attempt: Attempt) -> None:
        """Keep the current apply, and whether it has failed."""
        files.write(self._attempt, digests.canonical_json(asdict(attempt)))

    def end_attempt(self) -> None:
        """Forget the attempt, because it serves."""
        _remove(self._attempt)

    def attempt(self) -> Attempt | None:
        return state_file.read(self._attempt, Attempt, _DO)

    def set_inputs(self, facts: Facts) -> None:
        """Keep the facts of the last apply; an earlier rollback no longer counts."""
        self._rollback.unlink(missing_ok=True)
        files.write(self._inputs, digests.canonical_json(facts.as_json()))

    def inputs(self) -> Facts | None:

        def parse(content: bytes) -> Facts | None:
            return Facts.from_json(state_file.typed(json_text.parse(content), dict[str, Any]))

        return state_file.load(self._inputs, parse, _DO)

    def set_rolled_back(self, number: int) -> None:
        """Keep that a rollback has asked for the revision, until something else is applied."""
        files.write(self._rollback, digests.canonical_json({"revision": number}))

    def set_served(self, record: RevisionRecord) -> None:
        """Keep that the revision serves, and has not failed."""
        self._stopped.unlink(missing_ok=True)
        last = self._last_served()
        now = last.now if last else None
        if now != record.number:
            files.write(self._served, digests.canonical_json({"now": record.number, "before": now}))
        if record.failed:
            self.keep(replace(record, failed=""))

    def set_stopped(self) -> None:
        """Record that no server is to run until a revision is asked for again."""
        files.write(self._stopped, b"")

    def is_stopped(self) -> bool:
        return self._stopped.exists()

    def served_last(self) -> RevisionRecord | None:
        """The revision that served last; if that is not known, the newest that has not failed."""
        last = self._last_served()
        if last and (record := self.known(last.now)):
            return record
        records = map(self.known, reversed(self.numbers()))
        return next((record for record in records if record and not record.failed), None)

    def durable(self) -> int | None:
        """The number of the revision that a restart would serve."""
        good = self.served_last()
        return good.number if good else self.main.wanted()

    def locks(self) -> tuple[str, ...]:
        """Digests of the locks of revisions that have served, the last one first."""
        last = None
        with contextlib.suppress(UserError):
            last = self._last_served()
        served = [record for number in ((last.now, last.before) if last else ()) if (record := self.known(number))]
        others = [record for number in reversed(self.numbers()) if (record := self.known(number)) and not record.failed]
        return tuple(record.revision.lock for record in (*served, *others)) if served else ()

    def served_before(self) -> int | None:
        """The number of the revision that served before the last one."""
        last = self._last_served()
        return last.before if last else None

    def _newest_number(self) -> _Newest | None:
        return state_file.read(self._newest, _Newest, _DO)

    def _last_served(self) -> _Served | None:
        return state_file.read(self._served, _Served, _DO)

    def rolled_back(self) -> RevisionRecord | None:
        content = self._rolled_back()
        return self.known(content.revision) if content else None

    def _rolled_back(self) -> _RolledBack | None:
        return state_file.read(self._rollback, _RolledBack, _DO)

    def set_build(self, key: str) -> None:
        """Keep which environment is wanted, so that its log can be found if the build fails."""
        files.write(self._build, key.encode())

    def build(self) -> str | None:

        def parse(content: bytes) -> str:
            if not _KEY.fullmatch(key := content.decode()):
                raise ValueError("it is not an environment's key")
            return key

        return state_file.load(self._build, parse, _DO)

    def builds(self) -> set[str]:
        """Keys of the environments that the deployment runs in, ran in, or wants.

        Raises:
            UserError: StateDamaged, StateNewer.
        """
        records = [self.record(number) for number in self.numbers()]
        return {record.build for record in records if record} | ({key} if (key := self.build()) else set())

    def mend(self) -> Iterator[UserError]:
        """Remove each damaged file that will be made anew; yield what was wrong with these files and with records.

        Raises:
            UserError: StateNewer; files of a later version stay.
        """
        for path, read in self._parts():
            try:
                read()
            except UserError as error:
                if error.reason != state_file.DAMAGED:
                    raise
                _remove(path)
                yield error
        for number in self.numbers():
            try:
                self.record(number)
            except UserError as error:
                yield error

    def _parts(self) -> Iterator[tuple[Path, Callable[[], object]]]:
        yield self._revisions, self.numbers
        yield from self.main.parts()
        yield from self.candidate.parts()
        yield self._applied, self.applied
        yield self._attempt, self.attempt
        yield self._build, self.build
        yield self._inputs, self.inputs
        yield self._rollback, self._rolled_back
        yield self._served, self._last_served
        yield self._newest, self._newest_number

    def remove(self) -> None:
        shutil.rmtree(self.root)


def names(folder: Path) -> list[str]:
    """The names of all deployments with a folder below `folder`, failed ones included."""
    return sorted(entry.name for entry in state_file.entries(folder) if _is_deployment(folder / entry.name))


def _is_deployment(root: Path) -> bool:
    return any(os.path.lexists(root / name) for name in _TRACES)


def _remove(path: Path) -> None:
    """Remove a file, or a folder in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
