"""Who uses what is in the store: read from what the targets keep of their deployments, never remembered."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Use:
    """A revision of a deployment: its models (`name:version`), the digest of its code, its entry script."""

    target: str
    deployment: str
    revision: int
    models: tuple[str, ...]
    code: str
    entry_script: str

    def __str__(self) -> str:
        return f"{self.deployment} ({self.target}, revision {self.revision})"


def gather(store: Path) -> list[Use]:
    """Every use of a store: by the deployments beside it in its home folder, and by those of clusters it serves."""
    home = store.parent
    return [*_own(home / "deployments"), *_own(home / "containers"), *_clusters(store / "images" / "uses")]


def _own(folder: Path) -> Iterator[Use]:
    """The process and docker targets keep a record of each revision: what its server was told."""
    for path in sorted(folder.glob("*/revisions/*/record.json")):
        record = _read(path)
        if record is None:
            continue
        told = record["environment"]
        models = [text for text in told.get("LOCALMODEL_MODEL", "").split(",") if text]
        yield Use(
            record.get("target", "process"),
            path.parents[2].name,
            record["number"],
            tuple(text.partition("@")[0] for text in models),
            record.get("code", ""),
            told.get("AZUREML_ENTRY_SCRIPT", ""),
        )


def _clusters(folder: Path) -> Iterator[Use]:
    """Each operator leaves a note of its cluster."""
    for path in sorted(folder.glob("*.json")):
        for found in (_read(path) or {}).get("deployments", ()):
            yield Use(
                found["target"],
                f"{found['namespace']}/{found['name']}",
                found["revision"],
                tuple(found["models"]),
                found["code"],
                found["entryScript"],
            )


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        content: Mapping[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:  # gone since it was listed
        return None
    return content
