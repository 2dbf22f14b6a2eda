"""`MLClient.environments`."""

import builtins

import yaml

from localmodel.azure.ai.ml import _manifest
from localmodel.azure.ai.ml.entities import Environment
from localmodel.azure.ai.ml.exceptions import ValidationException, translated
from localmodel.azure.ai.ml.operations._version import numbered, reference
from localmodel.disk import home
from localmodel.environments.formats import conda
from localmodel.sdk.progress import reporter
from localmodel.store import EnvironmentVersion, Store
from localmodel.store.staged import StagedStore


class EnvironmentOperations:
    """The environments in the store of this machine."""

    def create_or_update(self, environment: Environment) -> Environment:
        """Register it as the next version, or return the latest version if it is the same.

        Raises:
            ValidationException: the name is missing, a field or a file is not valid, or the version is another than the
                store would count.
        """
        if not environment.name:
            raise ValidationException("environments.create_or_update: give the environment a name")
        with translated():
            asked = _manifest.packages(environment)
            for note in asked.notes:
                reporter(True).note(note)
            if environment.version is not None:
                staged = StagedStore(home.store()).environments.register(environment.name, asked.spec, asked.variables)
                numbered("environments.create_or_update", environment.version, staged)
            return _from(Store(home.store()).environments.register(environment.name, asked.spec, asked.variables))

    def get(self, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """A version of the environment; without `version` the latest.

        Raises:
            ResourceNotFoundError: there is none.
        """
        with translated():
            return _from(Store(home.store()).environments.find(reference("environments.get", name, version, label)))

    def list(self, name: str | None = None, **_: object) -> "builtins.list[Environment]":
        """The versions of the environment; without a name the latest version of each."""
        with translated():
            return [_from(version) for version in Store(home.store()).environments.list(name, latest=name is None)]


def _from(version: EnvironmentVersion) -> Environment:
    return Environment(
        name=version.name,
        version=str(version.version),
        image=version.spec.base_image,
        conda_file=yaml.safe_load(conda.write(version.spec)),
        id=f"azureml:{version.name}:{version.version}",
    )
