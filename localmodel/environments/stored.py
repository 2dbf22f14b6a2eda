"""What a spec names in the store beside models: its environment and its code."""

from dataclasses import replace

from localmodel.environments.formats import asked
from localmodel.errors import UserError
from localmodel.resource.spec import CodeRef, DeploymentSpec, EnvironmentRef, EnvironmentSpec, Variable
from localmodel.store import Store


def filled_in(spec: DeploymentSpec, store: Store) -> DeploymentSpec:
    """The spec with the environment that it refers to, and that one's variables where the spec sets no others.

    Raises:
        UserError: the store's, with the field; what the environment asks for cannot be had.
    """
    reference = spec.environment_ref
    if reference is None:
        return spec
    try:
        found = store.environments.get(reference.name, reference.version)
    except UserError as error:
        raise UserError(error.reason, f"spec.environment.ref: {error}") from None
    asked.read(found.spec, f"spec.environment.ref: environment {found.name}:{found.version}")
    own = {variable.name for variable in spec.env}
    added = tuple(Variable(name, value) for name, value in sorted(found.variables.items()) if name not in own)
    return replace(spec, environment=found.spec, env=(*spec.env, *added))


def environments_until(reference: EnvironmentRef, store: Store) -> list[EnvironmentSpec]:
    """The stored environment's versions up to this one, oldest first, as far as they can be read."""
    found = store.environments.list(reference.name)
    return [version.spec for version in found if version.version <= reference.version]


def code(reference: CodeRef, store: Store) -> dict[str, bytes]:
    """The files of the source folder (path -> content).

    Raises:
        UserError: the store's, with the field.
    """
    try:
        return store.code.files(store.code.get(reference.name, reference.version))
    except UserError as error:
        raise UserError(error.reason, f"spec.scoring.source.code: {error}") from None
