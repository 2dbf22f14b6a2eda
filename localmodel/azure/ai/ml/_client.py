"""The client, which stands for the store and the endpoints of this machine."""

import os
from pathlib import Path
from typing import TypeVar

from localmodel.azure.ai.ml.entities import Environment, Model, OnlineDeployment, OnlineEndpoint
from localmodel.azure.ai.ml.exceptions import UnsupportedOperationError, ValidationException
from localmodel.azure.ai.ml.operations import (
    EnvironmentOperations,
    ModelOperations,
    OnlineDeploymentOperations,
    OnlineEndpointOperations,
)
from localmodel.azure.core.workspace import Workspace
from localmodel.azure.exceptions import UserErrorException

R = TypeVar("R", OnlineEndpoint, OnlineDeployment)
T = TypeVar("T", Model, Environment)


class MLClient:
    """The client. Credential and names are only for programs that have them; the store is always the same.

    LOCALMODEL_TARGET says where new deployments run: `process`, `docker` or `kind`.
    """

    def __init__(
        self,
        credential: object = None,
        subscription_id: str | None = None,
        resource_group_name: str | None = None,
        workspace_name: str | None = None,
        registry_name: str | None = None,
        **_: object,
    ) -> None:
        if registry_name is not None:
            raise UnsupportedOperationError(
                "MLClient: registry_name: Azure's registries are not reached from here; leave it out, and share models "
                "with lmd model push and lmd model pull"
            )
        self.subscription_id = subscription_id
        self.resource_group_name = resource_group_name
        self.workspace_name = workspace_name
        self.online_endpoints = OnlineEndpointOperations()
        self.online_deployments = OnlineDeploymentOperations()
        self.models = ModelOperations()
        self.environments = EnvironmentOperations()

    @classmethod
    def from_config(
        cls,
        credential: object = None,
        *,
        path: str | os.PathLike[str] | None = None,
        file_name: str | None = None,
        **_: object,
    ) -> "MLClient":
        """The client, with the names in Azure's config.json if there is one in this folder or above it.

        Raises:
            ValidationException: `path` or `file_name` was given, and there is no such file.
        """
        place = Path(path or ".", file_name) if file_name else path
        try:
            names = Workspace.from_config(place if place is None else str(place))
        except UserErrorException as error:
            raise ValidationException(f"MLClient.from_config: no config.json at {place} or above it") from error
        return cls(credential, names.subscription_id or None, names.resource_group or None, names.name)

    def begin_create_or_update(self, entity: R, *, local: bool = False, **_: object) -> R:
        """Create the endpoint or the deployment, as its operations do."""
        if isinstance(entity, OnlineEndpoint):
            return self.online_endpoints.begin_create_or_update(entity, local=local)
        return self.online_deployments.begin_create_or_update(entity, local=local)

    def create_or_update(self, entity: T, **_: object) -> T:
        """Register the model or the environment, as its operations do."""
        operations: ModelOperations | EnvironmentOperations
        operations = self.models if isinstance(entity, Model) else self.environments
        return operations.create_or_update(entity)  # type: ignore[arg-type,return-value]

    def __getattr__(self, name: str) -> object:
        raise AttributeError(
            f"MLClient.{name} is not part of localmodel.azure, which has online_endpoints, online_deployments, models "
            "and environments of this machine; import azure.ai.ml for the cloud"
        )

    def __repr__(self) -> str:
        return f"MLClient(workspace_name={self.workspace_name!r})"
