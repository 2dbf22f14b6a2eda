"""What a process or a container of this machine keeps of a revision."""

from pathlib import Path

from localmodel import reasons
from localmodel.disk import executable, home
from localmodel.environments.locks import of_digest
from localmodel.errors import UserError
from localmodel.targets.machine import known, revision_folder
from localmodel.targets.machine.state import RevisionRecord, State
from localmodel.trial.kept import Kept, KeptModel, not_here
from localmodel.updates import revision
from localmodel.updates.plan import Facts

# What every revision's environment has, and trial() sets anew.
_LAID_OUT = {
    "PATH",
    "PYTHONPATH",
    "LOCALMODEL_PYTHON",
    "LOCALMODEL_REVISION",
    "LOCALMODEL_CONTENT",
    "LOCALMODEL_GATE",
    "LOCALMODEL_CAPTURE",
    "LOCALMODEL_CAPTURE_FOLDER",
    "LOCALMODEL_REPLAY",
    "LOCALMODEL_MODEL_NAME",
    "LOCALMODEL_MODEL",
    "AML_APP_ROOT",
    "AZUREML_ENTRY_SCRIPT",
    "AZUREML_MODEL_DIR",
}


def of(place: State, number: int) -> Kept:
    """
    Raises:
        UserError: RevisionNotFound, StateDamaged, RevisionNotHere.
    """
    record = place.record(number)
    if record is None:
        numbers = ", ".join(map(str, place.numbers()))
        raise UserError(reasons.REVISION_NOT_FOUND, f"{place.name}: revision {number} is not kept (kept: {numbers})")
    facts = Facts.from_json(record.facts)
    if facts is None:
        raise not_here(place.name, number, "an earlier version of lmd has recorded it")
    lock = of_digest.find(record.revision.lock, home.home() / "environments" / record.build, home.store() / "locks")
    if lock is None:
        raise not_here(place.name, number, "the lock of its packages is not kept any more")
    folder, environment = place.folder(number), record.environment
    revision_folder.restore(folder)
    return Kept(
        deployment=place.name,
        number=number,
        python=facts.python,
        lock=lock,
        entry=environment["AZUREML_ENTRY_SCRIPT"],
        code=_code(folder / "app", facts),
        models=_models(folder / "app" / revision.MODELS_FOLDER, record),
        settings={name: environment[name] for name in environment if name in facts.variables or name not in _LAID_OUT},
        others={"base": record.revision.base, "server": record.revision.server},
        known=known.of(place, record),
    )


def _code(app: Path, facts: Facts) -> dict[str, bytes]:
    """What was applied; with too many files to be recorded, all that is there but for models and what Python made."""
    models, caches = app / revision.MODELS_FOLDER, "__pycache__"
    files = (path for path in app.rglob("*") if path.is_file() and not path.is_symlink())
    found = (path for path in files if models not in path.parents and path.parent.name != caches)
    named = {path.relative_to(app).as_posix(): path for path in found}
    return {name: executable.read(path) for name, path in named.items() if not facts.files or name in facts.files}


def _models(root: Path, record: RevisionRecord) -> dict[str, KeptModel]:
    models = {}
    for text in filter(None, record.environment["LOCALMODEL_MODEL"].split(",")):
        reference, _, digest = text.partition("@")
        name, _, version = reference.rpartition(":")
        models[name] = KeptModel(version, digest, (root / name / version).readlink())
    return models
