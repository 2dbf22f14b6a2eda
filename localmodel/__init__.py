"""Take a trained model and a scoring script to a running endpoint, and keep changing it there."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from localmodel_untrusted import __version__ as __version__

if TYPE_CHECKING:
    from localmodel.errors import UserError
    from localmodel.oci.layout import Blob
    from localmodel.output.progress import Progress
    from localmodel.project.server_options import ServerOptions
    from localmodel.resource.spec import EnvironmentSpec
    from localmodel.sdk.async_client import AsyncClient, AsyncDeployment
    from localmodel.sdk.client import Client
    from localmodel.sdk.deployment import DeployError, Deployment, DeploymentState
    from localmodel.sdk.offered import Estimator
    from localmodel.sdk.scoring import ScoringError
    from localmodel.store.environments import Environments, EnvironmentVersion
    from localmodel.store.models import Models, ModelVersion
    from localmodel.store.uses import Use
    from localmodel.targets.captured_request import CapturedRequest
    from localmodel.targets.target import DeploymentStatus, PastRevision

__all__ = [
    "AsyncClient",
    "AsyncDeployment",
    "Blob",
    "CapturedRequest",
    "Client",
    "DeployError",
    "Deployment",
    "DeploymentState",
    "DeploymentStatus",
    "EnvironmentSpec",
    "EnvironmentVersion",
    "Environments",
    "Estimator",
    "ModelVersion",
    "Models",
    "PastRevision",
    "Progress",
    "ScoringError",
    "ServerOptions",
    "Use",
    "UserError",
]

_MODULES = {
    "AsyncClient": "sdk.async_client",
    "AsyncDeployment": "sdk.async_client",
    "Blob": "oci.layout",
    "CapturedRequest": "targets.captured_request",
    "Client": "sdk.client",
    "DeployError": "sdk.deployment",
    "Deployment": "sdk.deployment",
    "DeploymentState": "sdk.deployment",
    "DeploymentStatus": "targets.target",
    "EnvironmentSpec": "resource.spec",
    "EnvironmentVersion": "store.environments",
    "Environments": "store.environments",
    "Estimator": "sdk.offered",
    "ModelVersion": "store.models",
    "Models": "store.models",
    "PastRevision": "targets.target",
    "Progress": "output.progress",
    "ScoringError": "sdk.scoring",
    "ServerOptions": "project.server_options",
    "Use": "store.uses",
    "UserError": "errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that commands start quickly."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"localmodel.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
