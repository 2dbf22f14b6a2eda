"""`MLClient.models`."""

import builtins
import os
from pathlib import Path

from localmodel.azure.ai.ml.entities import Model
from localmodel.azure.ai.ml.exceptions import ValidationException, translated
from localmodel.azure.ai.ml.operations._version import numbered, reference
from localmodel.disk import home
from localmodel.store import ModelVersion, Store
from localmodel.store.staged import StagedStore


class ModelOperations:
    """The models in the store of this machine."""

    def create_or_update(self, model: Model) -> Model:
        """Register the file or folder as the model's next version, or return the latest version if it is the same.

        Raises:
            ValidationException: name or path is missing; or the version is another than the store would count.
        """
        if not model.name or not model.path:
            raise ValidationException("models.create_or_update: give the model a name and the path of its files")
        with translated():
            if model.version is not None:
                numbered("models.create_or_update", model.version, _register(StagedStore(home.store()), model))
            return _from(_register(Store(home.store()), model), model.type)

    def get(self, name: str, version: str | None = None, label: str | None = None) -> Model:
        """A version of the model; without `version` the latest, or the one with the alias `label`.

        Raises:
            ResourceNotFoundError: there is none.
        """
        with translated():
            return _from(Store(home.store()).models.find(reference("models.get", name, version, label)))

    def list(self, name: str | None = None, stage: str | None = None, **_: object) -> "builtins.list[Model]":
        """The versions of the model; without a name the latest version of each."""
        with translated():
            return [_from(model) for model in Store(home.store()).models.list(name, latest=name is None)]

    def download(self, name: str, version: str, download_path: str | os.PathLike[str] = ".") -> None:
        """Write the model's file or folder into the folder `download_path`.

        Raises:
            ResourceNotFoundError: there is no such version.
            ValidationException: there is something of that name already.
        """
        with translated():
            version_there = Store(home.store()).models.find(reference("models.download", name, version, None))
            Store(home.store()).models.download(version_there.name, version_there.version, Path(download_path))


def _register(store: Store, model: Model) -> ModelVersion:
    return store.models.register(
        str(model.name),
        Path(str(model.path)),
        tags={key: str(value) for key, value in (model.tags or {}).items()},
        properties={key: str(value) for key, value in (model.properties or {}).items()},
        description=model.description or "",
    )


def _from(version: ModelVersion, kind: str | None = None) -> Model:
    return Model(
        name=version.name,
        version=str(version.version),
        type=kind,
        description=version.description or None,
        tags=dict(version.tags),
        properties=dict(version.properties),
        utc_time_created=version.created,
        id=f"azureml:{version.name}:{version.version}",
    )
