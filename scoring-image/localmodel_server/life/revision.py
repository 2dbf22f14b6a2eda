"""A revision as the server loads it, and one that is loaded and could serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localmodel_server import gate
from localmodel_server.configuration.settings import SettingsError
from localmodel_server.workers.pool import Pool
from localmodel_untrusted.files import UnreadableError, read_file
from localmodel_untrusted.replayed import Replayed


@dataclass(frozen=True)
class Revision:
    """A revision: the complete variables of its workers, and the requests that it must pass before it serves."""

    environment: Mapping[str, str]
    gate: tuple[gate.GateRequest, ...] = ()

    @property
    def number(self) -> str:
        """Its number."""
        return self.environment.get("LOCALMODEL_REVISION", "")


@dataclass
class Candidate:
    """A loaded revision that could serve now.

    `milliseconds` says how long `load` and `gate` took; `replayed` what came of captured requests, if they were asked.
    """

    revision: Revision
    pool: Pool
    origin: str  # where the pool comes from: "new", "parked" or "serving"; "shadow": it gives way to all others
    milliseconds: dict[str, int] = field(default_factory=dict)
    replayed: Replayed | None = None


def revision_of(environment: Mapping[str, str]) -> Revision:
    """A revision from its variables alone; LOCALMODEL_GATE names the file with its requests.

    Raises:
        SettingsError
    """
    path = environment.get("LOCALMODEL_GATE")
    if not path:
        return Revision(environment)
    try:
        content = read_file(Path(path))
    except UnreadableError as error:
        raise SettingsError(f"LOCALMODEL_GATE: {path} cannot be read: {error}") from error
    if content is None:
        raise SettingsError(f"LOCALMODEL_GATE: no such file: {path}")
    return Revision(environment, gate.read(content))
