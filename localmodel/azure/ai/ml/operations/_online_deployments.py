"""`MLClient.online_deployments`."""

import builtins

from localmodel.azure.ai.ml._local import LocalEndpoint
from localmodel.azure.ai.ml.entities import OnlineDeployment
from localmodel.azure.ai.ml.exceptions import UserErrorException, require_local, translated


class OnlineDeploymentOperations:
    """The deployments of this machine. Every call needs `local=True`."""

    def begin_create_or_update(
        self,
        deployment: OnlineDeployment,
        *,
        local: bool = False,
        vscode_debug: bool = False,
        skip_script_validation: bool = False,
        local_enable_gpu: bool = False,
        **_: object,
    ) -> OnlineDeployment:
        """Make the deployment serve, print how that goes, and return it when it serves.

        The one before it keeps serving until then. The endpoint need not exist.

        Raises:
            LocalEndpointInFailedStateError: it does not serve; with the script's traceback.
            ValidationException: a field is not valid, or a file is missing.
            ResourceNotFoundError: the model or the environment is not in the store.
        """
        require_local("online_deployments.begin_create_or_update", local)
        with translated():
            place = LocalEndpoint(deployment.endpoint_name)
            if vscode_debug:
                raise UserErrorException(
                    f"online_deployments.begin_create_or_update: deploy without vscode_debug, then "
                    f"lmd debug {place.name}-{deployment.name} lets VS Code into the deployment"
                )
            if local_enable_gpu:
                raise UserErrorException(
                    "online_deployments.begin_create_or_update: leave local_enable_gpu out: a process has this "
                    "machine's GPUs; for a container give resources of a KubernetesOnlineDeployment"
                )
            place.deploy(deployment)
            return place.deployment(deployment.name)

    def get(self, name: str, endpoint_name: str, *, local: bool | None = False) -> OnlineDeployment:
        """The deployment, with its state.

        Raises:
            LocalEndpointNotFoundError: it does not exist.
        """
        require_local("online_deployments.get", bool(local))
        with translated():
            return LocalEndpoint(endpoint_name).deployment(name)

    def list(self, endpoint_name: str, *, local: bool = False) -> "builtins.list[OnlineDeployment]":
        """The deployments of the endpoint, sorted by name."""
        require_local("online_deployments.list", local)
        with translated():
            return LocalEndpoint(endpoint_name).deployments()

    def get_logs(
        self,
        name: str,
        endpoint_name: str,
        lines: int = 5000,
        *,
        container_type: str | None = None,
        local: bool = False,
    ) -> str:
        """The last lines of the deployment's log. There is one log, whatever the `container_type`.

        Raises:
            LocalEndpointNotFoundError: it does not exist.
        """
        require_local("online_deployments.get_logs", local)
        with translated():
            return LocalEndpoint(endpoint_name).handle(name).logs(lines)

    def begin_delete(self, name: str, endpoint_name: str, *, local: bool | None = False) -> None:
        """Delete the deployment; returns when that is done.

        Raises:
            LocalEndpointNotFoundError: it does not exist.
        """
        require_local("online_deployments.begin_delete", bool(local))
        with translated():
            LocalEndpoint(endpoint_name).delete_deployment(name)
