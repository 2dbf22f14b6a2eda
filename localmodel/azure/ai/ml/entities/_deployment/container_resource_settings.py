"""Amounts of CPU, memory and GPUs."""

from dataclasses import dataclass

from localmodel.azure.ai.ml.entities._entity import Entity


@dataclass(repr=False)
class ResourceSettings(Entity):
    """Amounts as Kubernetes writes them."""

    cpu: str | None = None
    memory: str | None = None
    gpu: str | None = None
