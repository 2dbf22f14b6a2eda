"""What a deployment needs, and what it may use."""

from dataclasses import dataclass

from localmodel.azure.ai.ml.entities._deployment.container_resource_settings import ResourceSettings
from localmodel.azure.ai.ml.entities._entity import Entity


@dataclass(repr=False)
class ResourceRequirementsSettings(Entity):
    """Requests and limits."""

    requests: ResourceSettings | None = None
    limits: ResourceSettings | None = None
