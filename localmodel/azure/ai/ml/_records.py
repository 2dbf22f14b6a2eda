"""What is known of the endpoints of this machine: a folder for each, with a file for each of its deployments."""

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localmodel.azure.ai.ml.exceptions import ValidationException
from localmodel.disk import files, home, state_file

_NAME = re.compile(r"[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?")
_LONGEST_NAME = 32
_DO = "remove it, and create it again"


@dataclass(frozen=True)
class Record:
    """An endpoint or a deployment as it was created: its kind ("managed", "kubernetes"), its fields, and its target."""

    kind: str
    content: Mapping[str, Any]
    target: str = ""


class EndpointRecords:
    """The records of one endpoint, which may be created or not.

    Raises:
        ValidationException: the name is not valid.
    """

    def __init__(self, name: str | None) -> None:
        self.name = _checked(name, "endpoint")
        self._folder = _root() / self.name
        self._file = self._folder / "endpoint.json"

    def read(self) -> Record | None:
        """The endpoint's own record, or None."""
        return state_file.read(self._file, Record, _DO)

    def write(self, record: Record) -> None:
        """Create or replace the endpoint's own record."""
        files.write(self._file, _bytes(record))

    def deployments(self) -> list[str]:
        """The names of its deployments, sorted."""
        return sorted(file.stem for file in self._folder.glob("deployments/*.json"))

    def read_deployment(self, name: str | None) -> Record | None:
        """A deployment's record, or None."""
        return state_file.read(self._deployment(name), Record, _DO)

    def write_deployment(self, name: str, record: Record) -> None:
        """Create or replace a deployment's record."""
        files.write(self._deployment(name), _bytes(record))

    def remove_deployment(self, name: str) -> None:
        """Remove a deployment's record."""
        self._deployment(name).unlink(missing_ok=True)
        self._tidy()

    def remove(self) -> None:
        """Remove the endpoint's own record."""
        self._file.unlink(missing_ok=True)
        self._tidy()

    def _deployment(self, name: str | None) -> Path:
        return self._folder / "deployments" / f"{_checked(name, 'deployment')}.json"

    def _tidy(self) -> None:
        for folder in (self._folder / "deployments", self._folder):
            with contextlib.suppress(OSError):  # it still has a file
                folder.rmdir()


def names() -> list[str]:
    """The names of all endpoints, sorted."""
    return sorted(folder.name for folder in _root().glob("*"))


def _root() -> Path:
    return home.home() / "azure-endpoints"


def _checked(name: str | None, what: str) -> str:
    """The name in lower case, in which all names of deployments are."""
    if name is None or len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValidationException(
            f"{what}: {name!r} is not a valid name: use letters, digits and '-', start with a letter, "
            f"do not end with '-', at most {_LONGEST_NAME} characters"
        )
    return name.lower()


def _bytes(record: Record) -> bytes:
    return json.dumps(asdict(record)).encode()
