"""What is known about a revision on this machine, apart from what its worker says."""

import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from localmodel.advice import Known
from localmodel.disk import home, ignore_file
from localmodel.errors import UserError
from localmodel.resource.annotations import SOURCE, annotation
from localmodel.resource.manifest import Manifests
from localmodel.store import ModelVersion, Store
from localmodel.targets.machine.state import RevisionRecord, State


def of(place: State, record: RevisionRecord) -> Known:
    """The `Known` for advice on an error of the revision's script. What cannot be read is left out."""
    applied = None
    with contextlib.suppress(UserError):
        applied = place.applied()
    earlier = [revision for number in place.numbers() if number < record.number and (revision := place.known(number))]
    return Known(
        models=_models(record),
        files={revision.number: list(revision.facts.get("files", ())) for revision in earlier},
        beside=applied.beside if applied else (),
        folder=folder(applied) if applied else "",
        leaves_out=leaves_out(applied.deployment) if applied else Known.leaves_out,
    )


def leaves_out(deployment: Mapping[str, Any]) -> Callable[[str], str]:
    """The function `Known.leaves_out` for a deployment's source folder, or for the folder of its script."""
    source = Path(annotation(deployment, SOURCE))
    if not source.is_absolute():
        return lambda path: ""
    return partial(ignore_file.leaves_out, source.parent if source.is_file() else source)


def _models(record: RevisionRecord) -> list[ModelVersion]:
    store, references = Store(home.store()), record.environment.get("LOCALMODEL_MODEL", "")
    with contextlib.suppress(UserError):
        return [store.models.find(text.partition("@")[0]) for text in references.split(",") if text]
    return []


def folder(applied: Manifests) -> str:
    """The folder that the code was read from, relative to the current one if it lies below that; else ""."""
    source, here = Path(annotation(applied.deployment, SOURCE)), Path.cwd()
    if not source.name or not source.is_dir():
        return ""
    return f"./{source.relative_to(here)}" if source.is_relative_to(here) and source != here else str(source)
