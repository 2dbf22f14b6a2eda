"""Registered models, and the deployments and packages that are made of them."""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from localmodel.azure.core import _deploy, _filters
from localmodel.azure.core._filters import Filter
from localmodel.azure.core._framework import Framework
from localmodel.azure.core._paths import deployed
from localmodel.azure.core.inference_config import InferenceConfig
from localmodel.azure.core.model_package import ModelPackage
from localmodel.azure.core.resource_configuration import ResourceConfiguration
from localmodel.azure.core.webservice import LocalWebservice
from localmodel.azure.core.webservice.local import LocalWebserviceDeploymentConfiguration
from localmodel.azure.core.workspace import Workspace
from localmodel.azure.exceptions import (
    ModelNotFoundException,
    UserErrorException,
    refuse,
    translated,
)
from localmodel.store import ModelVersion

__all__ = ["InferenceConfig", "Model", "ModelPackage"]

_NO_DATASETS = "Leave it out: there are no datasets here; say it in description, tags or properties."


class Model:
    """A version in the store, by default the latest one of the name. `id` is `name:version`.

    Raises:
        ModelNotFoundException: there is no such model or version, or none with these tags and properties.
    """

    Framework = Framework

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - as in the original
        tags: Filter | None = None,
        properties: Filter | None = None,
        version: int | str | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
    ) -> None:
        refuse("Model", run_id=(run_id, "Leave it out: there are no runs here."))
        if (name is None) == (id is None):
            raise UserErrorException("Model: give a name or an id ('name:version'), and not both")
        reference = id or (f"{name}:{version}" if version is not None else str(name))
        with translated():
            if tags or properties or model_framework:
                version_found = _filters.latest(workspace.store, reference, tags, properties, model_framework)
            else:
                version_found = workspace.store.models.find(reference)
        self._become(workspace, version_found)

    def _become(self, workspace: Workspace, version: ModelVersion) -> None:
        self.workspace = workspace
        self._version = version
        self.name, self.version = version.name, version.version
        self.id = f"{version.name}:{version.version}"
        self.description = version.description or None
        self.tags, self.properties = dict(version.tags), dict(version.properties)
        self.created_time = datetime.fromisoformat(version.created)
        self.model_framework = version.framework or Framework.CUSTOM
        self.model_framework_version = version.framework_version or None
        self.resource_configuration: ResourceConfiguration | None = None
        self.url = f"oci:{workspace.store.root}@{version.digest}"

    @staticmethod
    def _of(workspace: Workspace, version: ModelVersion) -> "Model":
        model = Model.__new__(Model)
        model._become(workspace, version)
        return model

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str | Path,
        model_name: str,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        datasets: object = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: object = None,
        sample_input_dataset: object = None,
        sample_output_dataset: object = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> "Model":
        """Register a file or a folder as the model's next version, or as its latest if that is the same.

        Raises:
            ModelPathNotFoundException: `model_path` does not exist.
            WebserviceException: the name has other characters than letters, digits, '.', '_' and '-'.
        """
        refuse(
            "Model.register",
            datasets=(datasets, _NO_DATASETS),
            child_paths=(child_paths, "Register a folder that holds just these files."),
            sample_input_dataset=(sample_input_dataset, _NO_DATASETS),
            sample_output_dataset=(sample_output_dataset, _NO_DATASETS),
        )
        with translated():
            registered = workspace.store.models.register(
                model_name,
                Path(model_path),
                tags=dict(tags or {}),
                properties=dict(properties or {}),
                description=description or "",
                framework=model_framework or "",
                framework_version=model_framework_version or "",
            )
        model = Model._of(workspace, registered)
        model.resource_configuration = resource_configuration
        return model

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: Filter | None = None,
        properties: Filter | None = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> "builtins.list[Model]":
        """The matching versions, newest first. `tags` and `properties` are keys, or [key, value]; a mapping, too."""
        refuse(
            "Model.list",
            run_id=(run_id, "Leave it out: there are no runs here."),
            dataset_id=(dataset_id, _NO_DATASETS),
        )
        with translated():
            versions = _filters.fitting(workspace.store, name, tags, properties, model_framework, latest)
        newest_first = sorted(versions, key=lambda model: (model.created, model.version), reverse=True)
        return [Model._of(workspace, model) for model in newest_first]

    @staticmethod
    def get_model_path(model_name: str, version: int | str | None = None, _workspace: Workspace | None = None) -> str:
        """The path of a model's file or folder: in an entry script of a deployed model, elsewhere of a downloaded one.

        Raises:
            ModelNotFoundException: it is not part of the deployment, and not in this folder.
        """
        places = [*deployed(model_name, version), Path(model_name)]
        for place in places:
            if place.exists():
                return str(place)
        raise ModelNotFoundException(
            f"Model.get_model_path: {model_name} is neither a model of this deployment nor a file here; "
            "outside a deployment download it: Model(workspace, name).download()"
        )

    def download(self, target_dir: str | Path = ".", exist_ok: bool = False, exists_ok: bool | None = None) -> str:
        """Copy the file or folder into `target_dir`; return its path there.

        Raises:
            WebserviceException: it exists already, and `exist_ok` is false.
        """
        refuse("Model.download", exists_ok=(exists_ok, "It is spelled exist_ok."))
        with translated():
            return str(self.workspace.store.models.download(self.name, self.version, Path(target_dir), exist_ok))

    def update(
        self,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        sample_input_dataset: object = None,
        sample_output_dataset: object = None,
        resource_configuration: ResourceConfiguration | None = None,
    ) -> None:
        """Replace the tags and the description."""
        refuse(
            "Model.update",
            sample_input_dataset=(sample_input_dataset, _NO_DATASETS),
            sample_output_dataset=(sample_output_dataset, _NO_DATASETS),
        )
        gone = () if tags is None else tuple(set(self.tags) - set(tags))
        kept = resource_configuration or self.resource_configuration
        self._change(tags=tags or {}, remove_tags=gone, description=description)
        self.resource_configuration = kept

    def update_tags_properties(
        self,
        add_tags: Mapping[str, str] | None = None,
        remove_tags: Iterable[str] | None = None,
        add_properties: Mapping[str, str] | None = None,
    ) -> None:
        """Change tags and properties in one step."""
        self._change(tags=add_tags or {}, remove_tags=tuple(remove_tags or ()), properties=add_properties or {})

    def add_tags(self, tags: Mapping[str, str]) -> None:
        self._change(tags=tags)

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove the tags with these names."""
        self._change(remove_tags=(tags,) if isinstance(tags, str) else tuple(tags))

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties.

        Raises:
            WebserviceException: a property of this name exists already; properties never change.
        """
        self._change(properties=properties)

    def _change(self, **changes: Any) -> None:
        with translated():
            self._become(self.workspace, self.workspace.store.models.update(self.name, self.version, **changes))

    def delete(self) -> None:
        """Remove the version from the store.

        Raises:
            WebserviceException: a deployment uses it; the message names it.
        """
        with translated():
            self.workspace.store.models.delete(self.name, self.version)

    def serialize(self) -> dict[str, Any]:
        """Its fields as values for JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "createdTime": self._version.created,
            "description": self.description,
            "framework": self.model_framework,
            "frameworkVersion": self.model_framework_version,
            "tags": self.tags,
            "properties": self.properties,
            "digest": self._version.digest,
            "url": self.url,
        }

    @staticmethod
    def deploy(
        workspace: Workspace,
        name: str,
        models: "Sequence[Model]",
        inference_config: InferenceConfig | None = None,
        deployment_config: LocalWebserviceDeploymentConfiguration | None = None,
        deployment_target: object = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> LocalWebservice:
        """Begin to deploy, or to update the deployment of this name; `wait_for_deployment()` reports the result.

        Without an `inference_config`, one model by itself is served with a script that is generated from it.
        The work goes on when this program ends. `overwrite` is ignored: the old revision serves until the new one does.

        Raises:
            UserErrorException: an argument is missing or invalid.
            WebserviceException: the deployment is being made now.
        """
        refuse(
            "Model.deploy",
            deployment_target=(deployment_target, "Say where with LocalWebservice.deploy_configuration(target=...)."),
        )
        if inference_config is None and len(models) != 1:
            raise UserErrorException(
                "Model.deploy: give inference_config: only one model by itself is served without an entry script"
            )
        config = deployment_config or LocalWebservice.deploy_configuration()
        call = _deploy.call(workspace, models, inference_config, config)
        service = LocalWebservice._begin(workspace, name, config.target, call)
        if show_output:
            service.wait_for_deployment(show_output=True)
        return service

    @staticmethod
    def package(
        workspace: Workspace,
        models: "Sequence[Model]",
        inference_config: InferenceConfig | None = None,
        generate_dockerfile: bool = False,
        image_name: str | None = None,
        image_label: str | None = None,
    ) -> ModelPackage:
        """The context of an image as a folder: `save()` it, then run `docker build` anywhere.

        Raises:
            UserErrorException: without `generate_dockerfile`.
        """
        if not generate_dockerfile:
            raise UserErrorException(
                "Model.package: give generate_dockerfile=True and build the image from the folder it saves; "
                "images of deployments are made by the deployments themselves"
            )
        arguments = _deploy.call(workspace, models, inference_config, None)
        return ModelPackage(workspace, arguments, f"{image_name or 'package'}:{image_label or 'latest'}")

    def __repr__(self) -> str:
        return f"Model(name={self.name!r}, version={self.version!r}, tags={self.tags!r})"
