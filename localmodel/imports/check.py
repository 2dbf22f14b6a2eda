"""A deployment's imports beside its lock, before anything of it is built or started."""

from collections.abc import Collection, Iterable, Mapping

from localmodel import reasons
from localmodel.environments.locks.lock import Lock
from localmodel.errors import UserError
from localmodel.imports import beside_code
from localmodel.imports.missing import Missing, missing
from localmodel.imports.needs import Pickled
from localmodel.pickles.mismatch import Examined
from localmodel.resource.spec import DeploymentSpec

_FIELD = "spec.environment.requirements"


def look(
    spec: DeploymentSpec,
    files: Mapping[str, bytes],
    models: Iterable[Examined],
    lock: Lock,
    beside: Collection[str] = (),
) -> Missing:
    """What is missing; nothing where a base image of the user's own may bring it."""
    if spec.environment.is_own_base:
        return Missing()
    reference = spec.environment_ref
    where = f"spec.environment.ref: environment {reference.name}:{reference.version}" if reference else _FIELD
    pickled = [Pickled(f"model {model.name}:{model.version}", model.pickles) for model in models]
    return missing(files, spec.entry_script, pickled or beside_code.models(files), lock.text, where, beside)


def require(found: Missing) -> None:
    """
    Raises:
        UserError: ModuleMissing, the script cannot load.
    """
    if found.error:
        raise UserError(reasons.MODULE_MISSING, found.error)
