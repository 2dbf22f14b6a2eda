"""Take a trained model and a scoring script to a running endpoint, and keep changing it there."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from localmodel_untrusted import __version__ as __version__

if TYPE_CHECKING:
    from localmodel.errors import UserError
    from localmodel.sdk.async_client import AsyncClient, AsyncDeployment
    from localmodel.sdk.client import Client
    from localmodel.sdk.deployment import DeployError, Deployment
    from localmodel.sdk.scoring import ScoringError

__all__ = ["AsyncClient", "AsyncDeployment", "Client", "DeployError", "Deployment", "ScoringError", "UserError"]

_MODULES = {
    "AsyncClient": "sdk.async_client",
    "AsyncDeployment": "sdk.async_client",
    "Client": "sdk.client",
    "DeployError": "sdk.deployment",
    "Deployment": "sdk.deployment",
    "ScoringError": "sdk.scoring",
    "UserError": "errors",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: commands need little of it, and start in no time."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"localmodel.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
