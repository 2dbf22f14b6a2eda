"""Looks up what a spec names in the store besides models: its environment and its code."""

from dataclasses import replace

from localmodel.environments.formats import asked
from localmodel.errors import UserError
from localmodel.resource.spec import CodeRef, DeploymentSpec, EnvironmentRef, EnvironmentSpec, Variable
from localmodel.store import Store


def filled_in(spec: DeploymentSpec, store: Store) -> DeploymentSpec:
    """The spec with the environment that it refers to, and with its variables unless the spec sets them.

    Raises:
        UserError: the store's errors, with the field; the environment asks for something invalid.
    """
    reference = spec.environment_ref
    if reference is None:
        return spec
    try:
        version = store.environments.get(reference.name, reference.version)
    except UserError as error:
        raise UserError(error.reason, f"spec.environment.ref: {error}") from None
    asked.read(version.spec, f"spec.environment.ref: environment {version.name}:{version.version}")
    own = {variable.name for variable in spec.env}
    added = tuple(Variable(name, value) for name, value in sorted(version.variables.items()) if name not in own)
    return replace(spec, environment=version.spec, env=(*spec.env, *added))


def environments_until(reference: EnvironmentRef, store: Store) -> list[EnvironmentSpec]:
    """The stored environment's readable versions up to this one, oldest first."""
    versions = store.environments.list(reference.name)
    return [version.spec for version in versions if version.version <= reference.version]


def code(reference: CodeRef, store: Store) -> dict[str, bytes]:
    """The files of the source folder, path -> content.

    Raises:
        UserError: the store's errors, with the field.
    """
    try:
        return store.code.files(store.code.get(reference.name, reference.version))
    except UserError as error:
        raise UserError(error.reason, f"spec.scoring.source.code: {error}") from None
