"""What is kept of a deployment that runs as a process: a folder below home()/deployments."""

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localmodel import digests, files, home
from localmodel.errors import UserError
from localmodel.revision import Revision


@dataclass(frozen=True)
class RevisionRecord:
    """A revision of the deployment, and the environment variables that make the server serve it."""

    number: int
    revision: Revision
    cause: str
    created: str
    environment: Mapping[str, str]


@dataclass(frozen=True)
class ServerRecord:
    """The process that serves. `wanted_port` is the manifest's, `code` the digest of the server's own files."""

    pid: int
    port: int
    wanted_port: int
    code: str

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/score"


class State:
    """The deployment's folder. Files are replaced in one step; readers need no lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root = deployments_folder() / name
        self.log = self.root / "server.log"
        self.revision_file = self.root / "revision.json"
        self.status_file = self.root / "status.json"
        self._server_file = self.root / "server.json"
        self._revisions = self.root / "revisions"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Only one command at a time changes the deployment.

        Raises:
            UserError: Busy.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    "Busy", f"another command is changing {self.name} right now; try again when it has finished"
                ) from None
            yield

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

    def remove(self) -> None:
        shutil.rmtree(self.root)


def deployments_folder() -> Path:
    return home.home() / "deployments"


def names() -> list[str]:
    """Every deployment that a process serves, or served."""
    return sorted(path.parent.name for path in deployments_folder().glob("*/revision.json"))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return content
