"""Who uses what is in the store: read from what the targets keep of their deployments, never remembered."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localmodel import target_table
from localmodel.disk import state_file
from localmodel.errors import UserError
from localmodel_untrusted import json_text


@dataclass(frozen=True)
class Use:
    """A revision of a deployment that uses something in the store.

    Attributes:
        target: where the deployment runs.
        deployment: the deployment's name; on a cluster `namespace/name`.
        revision: the revision's number.
        models: its models, each as `name:version`.
        code: the digest of its source.
        entry_script: the path of its entry script.
    """

    target: str
    deployment: str
    revision: int
    models: tuple[str, ...]
    code: str
    entry_script: str

    def __str__(self) -> str:
        return f"{self.deployment} ({self.target}, revision {self.revision})"


def gather(store: Path, skip: Callable[[UserError], None] | None = None) -> list[Use]:
    """Every use of a store: by the deployments beside it in its home folder, and by those of clusters it serves.

    `skip` is told of each record that cannot be read; without it, that is an error: what it uses is not known.

    Raises:
        UserError: StateDamaged.
    """
    found = list[Use]()
    own = [path for folder in target_table.folders(store.parent).values() for path in records(folder)]
    for paths, parse in ((own, _own), (sorted(notes(store)), _cluster)):
        for path in paths:
            try:
                found += _read(path, parse)
            except UserError as error:
                if skip is None:
                    raise
                skip(error)
    return found


def records(folder: Path) -> Iterator[Path]:
    """The process and docker targets keep a record of each revision: what its server was told."""
    for deployment in state_file.entries(folder):
        if deployment.is_dir():
            revisions = folder / deployment.name / "revisions"
            yield from (revisions / entry.name / "record.json" for entry in state_file.entries(revisions))


def notes(store: Path) -> Iterator[Path]:
    """What operators say of their clusters."""
    folder = store / "images" / "uses"
    return (folder / entry.name for entry in state_file.entries(folder) if entry.name.endswith(".json"))


def _read(path: Path, parse: Callable[[Path, Any], list[Use]]) -> list[Use]:
    do = "until it is restored or removed, it is not known what the store has to keep for it"
    return state_file.load(path, lambda content: parse(path, json_text.parse(content)), do) or []


def _own(path: Path, record: Any) -> list[Use]:
    told = record["environment"]
    models = [text for text in told.get("LOCALMODEL_MODEL", "").split(",") if text]
    use = Use(
        record.get("target", "process"),
        path.parents[2].name,
        record["number"],
        tuple(text.partition("@")[0] for text in models),
        record.get("code", ""),
        told.get("AZUREML_ENTRY_SCRIPT", ""),
    )
    return [use]


def _cluster(_: Path, note: Any) -> list[Use]:
    """Each operator leaves a note of its cluster."""
    return [
        Use(
            found["target"],
            f"{found['namespace']}/{found['name']}",
            found["revision"],
            tuple(found["models"]),
            found["code"],
            found["entryScript"],
        )
        for found in note.get("deployments", ())
    ]
