"""Prepares the trial of a revision that a process target keeps."""

from pathlib import Path

from localmodel import reasons
from localmodel.errors import UserError
from localmodel.targets.machine import known, revision_folder
from localmodel.targets.machine.state import State
from localmodel.trial.prepare import Trial, machine


def prepare(place: State, number: int) -> Trial:
    """The revision's own files, environment and variables.

    Raises:
        UserError: RevisionNotFound, StateDamaged.
    """
    record = place.record(number)
    if record is None:
        kept = ", ".join(map(str, place.numbers()))
        raise UserError(reasons.REVISION_NOT_FOUND, f"{place.name}: revision {number} is not kept (kept: {kept})")
    revision_folder.restore(place.folder(number))
    return Trial(
        Path(record.environment["LOCALMODEL_PYTHON"]), {**machine(), **record.environment}, known.of(place, record)
    )
