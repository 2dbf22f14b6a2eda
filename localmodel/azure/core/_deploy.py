"""Converts a script's objects to the arguments of `localmodel.Client`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from localmodel.azure.exceptions import UserErrorException

if TYPE_CHECKING:
    from localmodel.azure.core.inference_config import InferenceConfig
    from localmodel.azure.core.model import Model
    from localmodel.azure.core.webservice.local import LocalWebserviceDeploymentConfiguration
    from localmodel.azure.core.workspace import Workspace


def call(
    workspace: Workspace,
    models: Sequence[Model] | None,
    inference_config: InferenceConfig | None,
    deployment_config: LocalWebserviceDeploymentConfiguration | None,
) -> dict[str, Any]:
    """The arguments for `Client.deploy()` and `Deployment.update()` as JSON values, without None.

    An environment that is not registered yet is registered, as in Azure ML.
    """
    arguments: dict[str, Any] = {}
    if models is not None:
        arguments["models"] = _references(models)
    if inference_config is not None:
        inference_config.validate_configuration()
        arguments["script"] = str(inference_config.script.absolute())
        if inference_config.source_directory is not None:
            arguments["script"] = inference_config.entry_script
            arguments["source_directory"] = inference_config.folder
        if inference_config.environment is not None:
            registered = inference_config.environment.register(workspace)
            arguments["environment"] = f"{registered.name}:{registered.version}"
    if deployment_config is not None and deployment_config.port is not None:
        arguments["port"] = deployment_config.port
    return arguments


def _references(models: Sequence[Model]) -> list[str]:
    from localmodel.azure.core.model import Model

    if isinstance(models, Model):
        raise UserErrorException("models: give a list, also of one: [model]")
    wrong = [model for model in models if not isinstance(model, Model)]
    if wrong:
        raise UserErrorException(
            f"models: {wrong[0]!r} is not a Model; register it (Model.register) or look it up: Model(workspace, name)"
        )
    return [model.id for model in models]
