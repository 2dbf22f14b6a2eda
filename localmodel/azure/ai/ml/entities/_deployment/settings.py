"""Where the script is, and how requests and probes are treated."""

import os
from dataclasses import dataclass

from localmodel.azure.ai.ml.entities._entity import Entity, absolute


@dataclass(repr=False)
class CodeConfiguration(Entity):
    """The source folder, and the entry script's path in it."""

    code: str | os.PathLike[str] | None = None
    scoring_script: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        self.code = absolute(self.code)


@dataclass(repr=False)
class OnlineRequestSettings(Entity):
    """How many requests an instance works on at once, and how long one may take."""

    max_concurrent_requests_per_instance: int | None = None
    request_timeout_ms: int | None = None
    max_queue_wait_ms: int | None = None


@dataclass(kw_only=True, repr=False)
class ProbeSettings(Entity):
    """How often a container is asked whether it is ready or alive, in seconds."""

    failure_threshold: int | None = None
    success_threshold: int | None = None
    timeout: int | None = None
    period: int | None = None
    initial_delay: int | None = None


@dataclass(kw_only=True, repr=False)
class DefaultScaleSettings(Entity):
    """A fixed number of instances."""


@dataclass(kw_only=True, repr=False)
class TargetUtilizationScaleSettings(Entity):
    """A number of instances that follows the load, which has no meaning here."""

    min_instances: int | None = None
    max_instances: int | None = None
    polling_interval: int | None = None
    target_utilization_percentage: int | None = None
