"""What local endpoints are made of."""

from localmodel.azure.ai.ml.entities._assets import BuildContext, Environment, Model
from localmodel.azure.ai.ml.entities._deployment.container_resource_settings import ResourceSettings
from localmodel.azure.ai.ml.entities._deployment.online_deployment import (
    KubernetesOnlineDeployment,
    ManagedOnlineDeployment,
    OnlineDeployment,
)
from localmodel.azure.ai.ml.entities._deployment.resource_requirements_settings import ResourceRequirementsSettings
from localmodel.azure.ai.ml.entities._deployment.settings import (
    CodeConfiguration,
    DefaultScaleSettings,
    OnlineRequestSettings,
    ProbeSettings,
    TargetUtilizationScaleSettings,
)
from localmodel.azure.ai.ml.entities._endpoint import (
    KubernetesOnlineEndpoint,
    ManagedOnlineEndpoint,
    OnlineEndpoint,
)

__all__ = [
    "BuildContext",
    "CodeConfiguration",
    "DefaultScaleSettings",
    "Environment",
    "KubernetesOnlineDeployment",
    "KubernetesOnlineEndpoint",
    "ManagedOnlineDeployment",
    "ManagedOnlineEndpoint",
    "Model",
    "OnlineDeployment",
    "OnlineEndpoint",
    "OnlineRequestSettings",
    "ProbeSettings",
    "ResourceRequirementsSettings",
    "ResourceSettings",
    "TargetUtilizationScaleSettings",
]
