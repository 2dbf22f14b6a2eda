"""Deployments."""

import os
from dataclasses import dataclass
from typing import Any, ClassVar

from localmodel.azure.ai.ml.entities._assets import Environment, Model
from localmodel.azure.ai.ml.entities._deployment.resource_requirements_settings import ResourceRequirementsSettings
from localmodel.azure.ai.ml.entities._deployment.settings import (
    CodeConfiguration,
    DefaultScaleSettings,
    OnlineRequestSettings,
    ProbeSettings,
    TargetUtilizationScaleSettings,
)
from localmodel.azure.ai.ml.entities._entity import Created


@dataclass(kw_only=True, repr=False)
class OnlineDeployment(Created):
    """A model with its script and environment, below an endpoint.

    `model` and `environment` are entities, or `azureml:NAME:VERSION` for what is in the store. Without
    `code_configuration`, the model is served without a script. `code_path` and `scoring_script` are another way to
    write `code_configuration`.
    """

    type: ClassVar[str] = "Managed"
    _REPORTED = ("provisioning_state",)

    name: str
    endpoint_name: str | None = None
    tags: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    description: str | None = None
    model: str | Model | None = None
    data_collector: object = None
    code_configuration: CodeConfiguration | None = None
    environment: str | Environment | None = None
    app_insights_enabled: bool | None = False
    scale_settings: DefaultScaleSettings | TargetUtilizationScaleSettings | None = None
    request_settings: OnlineRequestSettings | None = None
    liveness_probe: ProbeSettings | None = None
    readiness_probe: ProbeSettings | None = None
    environment_variables: dict[str, str] | None = None
    instance_count: int | None = None
    instance_type: str | None = None
    model_mount_path: str | None = None
    code_path: str | os.PathLike[str] | None = None
    scoring_script: str | os.PathLike[str] | None = None
    provisioning_state: str | None = None

    def __post_init__(self) -> None:
        self.tags, self.properties = self.tags or {}, self.properties or {}
        self.environment_variables = self.environment_variables or {}
        if self.code_configuration is None and (self.code_path or self.scoring_script):
            self.code_configuration = CodeConfiguration(self.code_path, self.scoring_script)
        self.code_path = self.scoring_script = None


@dataclass(kw_only=True, repr=False)
class ManagedOnlineDeployment(OnlineDeployment):
    """A deployment, as Azure has it on its own machines; on this machine it is like any other."""

    egress_public_network_access: str | None = None


@dataclass(kw_only=True, repr=False)
class KubernetesOnlineDeployment(OnlineDeployment):
    """A deployment, as Azure has it on a cluster; on this machine it is like any other."""

    type: ClassVar[str] = "Kubernetes"

    resources: ResourceRequirementsSettings | None = None
