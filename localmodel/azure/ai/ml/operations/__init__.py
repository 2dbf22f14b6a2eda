"""What MLClient does, by the kinds of things."""

from localmodel.azure.ai.ml.operations._environments import EnvironmentOperations
from localmodel.azure.ai.ml.operations._models import ModelOperations
from localmodel.azure.ai.ml.operations._online_deployments import OnlineDeploymentOperations
from localmodel.azure.ai.ml.operations._online_endpoints import OnlineEndpointOperations

__all__ = [
    "EnvironmentOperations",
    "ModelOperations",
    "OnlineDeploymentOperations",
    "OnlineEndpointOperations",
]
