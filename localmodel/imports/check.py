"""Compares a deployment's imports with its lock, before it is built or started."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from localmodel import reasons
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.imports.missing import Missing, missing
from localmodel.imports.needs import Pickled
from localmodel.pickles.mismatch import Examined
from localmodel.resource.spec import DeploymentSpec

_FIELD = "spec.environment.requirements"


def pickled(models: Iterable[Examined]) -> list[Pickled]:
    """The models of the store, with what was found in them when they were registered."""
    return [Pickled(f"model {model.name}:{model.version}", model.pickles) for model in models]


def look(
    spec: DeploymentSpec,
    files: Mapping[str, bytes],
    models: Sequence[Pickled],
    lock: Lock,
    beside: Collection[str] = (),
) -> Missing:
    """What is missing; nothing if the user's own base image may bring it."""
    if spec.environment.is_own_base:
        return Missing()
    reference = spec.environment_ref
    where = f"spec.environment.ref: environment {reference.name}:{reference.version}" if reference else _FIELD
    where = spec.environment_file or where
    return missing(files, spec.entry_script, models, lock.text, where, beside)


def require(missing: Missing) -> None:
    """
    Raises:
        UserError: ModuleMissing, the script cannot load.
    """
    if missing.error:
        raise UserError(reasons.MODULE_MISSING, missing.error)
