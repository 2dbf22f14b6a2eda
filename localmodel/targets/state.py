"""What is kept of a deployment that runs on this machine without a cluster: a folder with its name."""

import base64
import contextlib
import fcntl
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from localmodel import digests, files
from localmodel.errors import UserError
from localmodel.manifest import Manifests
from localmodel.plan import Facts
from localmodel.revision import Revision

_SECONDS_OF_A_LOOK = 0.2


@dataclass(frozen=True)
class RevisionRecord:
    """A revision of the deployment, and the environment variables that make the server serve it.

    `build` is the key of the environment it runs in, `code` the digest of its source folder. `facts` are the
    planner's, as JSON; records of earlier versions have none. `failed` says why it does not serve: `Reason: text`.
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
    """What serves: `id` of a process or a container. `wanted_port` is the manifest's.

    `program` is the digest of what it was started from, and cannot change while it runs.
    """

    id: str
    port: int
    wanted_port: int
    program: str

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/score"


class Slot:
    """Where one server is told what to serve, and tells how it went. Files are replaced in one step."""

    def __init__(self, root: Path, suffix: str = "") -> None:
        self.revision_file = root / f"revision{suffix}.json"
        self.status_file = root / f"status{suffix}.json"
        self._server_file = root / f"server{suffix}.json"

    def want(self, record: RevisionRecord) -> None:
        """Write what the server reads at its start and at SIGHUP, and forget what it said before."""
        self.status_file.unlink(missing_ok=True)
        files.write(self.revision_file, digests.canonical_json({"environment": dict(record.environment)}))

    def wanted(self) -> int | None:
        """Number of the revision that was last asked for."""
        content = _read(self.revision_file)
        return int(content["environment"]["LOCALMODEL_REVISION"]) if content else None

    def status(self) -> dict[str, Any] | None:
        """What the server said of its last load: serving, wanted, error, traceback."""
        return _read(self.status_file)

    def server(self) -> ServerRecord | None:
        content = _read(self._server_file)
        return ServerRecord(**content) if content else None

    def set_server(self, server: ServerRecord) -> None:
        files.write(self._server_file, digests.canonical_json(asdict(server)))

    def clear(self) -> None:
        for file in (self._server_file, self.revision_file, self.status_file):
            file.unlink(missing_ok=True)


class State:
    """The deployment's folder, below the one of its target. Readers need no lock."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.root = folder / name
        self.log = self.root / "server.log"
        self.main = Slot(self.root)
        self.candidate = Slot(self.root, "-candidate")
        self._applied = self.root / "applied.json"
        self._build = self.root / "build"
        self._inputs = self.root / "inputs.json"
        self._rollback = self.root / "rollback.json"
        self._served = self.root / "served.json"
        self._revisions = self.root / "revisions"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Only one command at a time changes the deployment.

        Raises:
            UserError: Busy.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as file:
            if not _locks(file):
                raise UserError(
                    "Busy", f"another command is changing {self.name} right now; try again when it has finished"
                )
            try:
                yield
            finally:
                if not self._applied.exists():  # nothing came of it: leave nothing
                    shutil.rmtree(self.root, ignore_errors=True)

    def is_locked(self) -> bool:
        """Whether a command is changing the deployment."""
        try:
            with (self.root / "lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def numbers(self) -> list[int]:
        """Numbers of the revisions that are kept, ascending."""
        return sorted(int(path.parent.name) for path in self._revisions.glob("*/record.json"))

    def folder(self, number: int) -> Path:
        return self._revisions / str(number)

    def record(self, number: int) -> RevisionRecord | None:
        content = _read(self.folder(number) / "record.json")
        return RevisionRecord(**{**content, "revision": Revision(**content["revision"])}) if content else None

    def keep(self, record: RevisionRecord) -> None:
        files.write(self.folder(record.number) / "record.json", digests.canonical_json(asdict(record)))

    def prune(self, serving: int, limit: int) -> None:
        """Remove all but the serving revision and the `limit` newest beside it."""
        others = [number for number in self.numbers() if number != serving]
        for number in others[: max(0, len(others) - limit)]:
            shutil.rmtree(self.folder(number))

    def set_applied(self, manifests: Manifests) -> None:
        """Keep what was applied."""
        config_maps = {
            name: {key: base64.b64encode(value).decode() for key, value in content.items()}
            for name, content in manifests.config_maps.items()
        }
        content = {"deployment": manifests.deployment, "configMaps": config_maps}
        files.write(self._applied, digests.canonical_json(content))

    def applied(self) -> Manifests | None:
        """What was applied last, once it could be resolved."""
        content = _read(self._applied)
        if content is None:
            return None
        config_maps = {
            name: {key: base64.b64decode(value) for key, value in texts.items()}
            for name, texts in content["configMaps"].items()
        }
        return Manifests(content["deployment"], config_maps)

    def set_inputs(self, facts: Facts) -> None:
        """Keep what was asked for last; whatever was rolled back to before no longer counts."""
        self._rollback.unlink(missing_ok=True)
        files.write(self._inputs, digests.canonical_json(facts.as_json()))

    def inputs(self) -> Facts | None:
        return Facts.from_json(_read(self._inputs))

    def set_rolled_back(self, number: int) -> None:
        """Keep that the revision is to serve until something else is asked for."""
        files.write(self._rollback, digests.canonical_json({"revision": number}))

    def set_served(self, number: int) -> None:
        """Keep that the revision has come to serve."""
        known = _read(self._served) or {"now": None}
        if known["now"] != number:
            files.write(self._served, digests.canonical_json({"now": number, "before": known["now"]}))

    def served_before(self) -> int | None:
        """The revision that served before the last one that came to serve."""
        return (_read(self._served) or {}).get("before")

    def rolled_back(self) -> RevisionRecord | None:
        content = _read(self._rollback)
        return self.record(content["revision"]) if content else None

    def set_build(self, key: str) -> None:
        """Keep which environment is wanted: its build may fail, and then its log is all there is."""
        files.write(self._build, key.encode())

    def build(self) -> str | None:
        return self._build.read_text() if self._build.exists() else None

    def builds(self) -> set[str]:
        """Keys of the environments that the deployment runs in, ran in, or wants."""
        records = [self.record(number) for number in self.numbers()]
        return {record.build for record in records if record} | ({key} if (key := self.build()) else set())

    def remove(self) -> None:
        shutil.rmtree(self.root)


def names(folder: Path) -> list[str]:
    """Every deployment with a folder there that is served, was served, or could not be."""
    return sorted(path.parent.name for path in folder.glob("*/applied.json"))


def _locks(file: IO[str]) -> bool:
    """Take the lock. Who only looks whether there is one holds it for a moment, too."""
    end = time.monotonic() + _SECONDS_OF_A_LOOK
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(_SECONDS_OF_A_LOOK / 20)
        else:
            return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return content
