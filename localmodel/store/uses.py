"""Finds the uses of models and code, in what the targets have recorded."""

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
    """Every use of a store, by the deployments in its home folder and on the clusters that it serves.

    `skip` gets the error of each record that cannot be read; without it, the error is raised, because what the record
    uses is unknown.

    Raises:
        UserError: StateDamaged.
    """
    uses = list[Use]()
    own = [path for folder in target_table.folders(store.parent).values() for path in records(folder)]
    for paths, parse in ((own, _own), (sorted(notes(store)), _cluster)):
        for path in paths:
            try:
                uses += _read(path, parse)
            except UserError as error:
                if skip is None:
                    raise
                skip(error)
    return uses


def records(folder: Path) -> Iterator[Path]:
    """The record files of all revisions of the targets process and docker."""
    for deployment in state_file.entries(folder):
        if deployment.is_dir():
            revisions = folder / deployment.name / "revisions"
            yield from (revisions / entry.name / "record.json" for entry in state_file.entries(revisions))


def notes(store: Path) -> Iterator[Path]:
    """The notes that operators keep about their clusters."""
    folder = store / "images" / "uses"
    return (folder / entry.name for entry in state_file.entries(folder) if entry.name.endswith(".json"))


def _read(path: Path, parse: Callable[[Path, Any], list[Use]]) -> list[Use]:
    do = "until it is restored or removed, it is not known what the store has to keep for it"
    return state_file.load(path, lambda content: parse(path, json_text.parse(content)), do) or []


def _own(path: Path, record: Any) -> list[Use]:
    environment = record["environment"]
    models = [text for text in environment.get("LOCALMODEL_MODEL", "").split(",") if text]
    use = Use(
        record.get("target", "process"),
        path.parents[2].name,
        record["number"],
        tuple(text.partition("@")[0] for text in models),
        record.get("code", ""),
        environment.get("AZUREML_ENTRY_SCRIPT", ""),
    )
    return [use]


def _cluster(_: Path, note: Any) -> list[Use]:
    """The uses in an operator's note about its cluster."""
    return [
        Use(
            use["target"],
            f"{use['namespace']}/{use['name']}",
            use["revision"],
            tuple(use["models"]),
            use["code"],
            use["entryScript"],
        )
        for use in note.get("deployments", ())
    ]
