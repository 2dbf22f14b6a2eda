"""Endpoints."""

from dataclasses import dataclass
from typing import Any

from localmodel.azure.ai.ml.entities._entity import Created


@dataclass(kw_only=True, repr=False)
class OnlineEndpoint(Created):
    """A name with deployments below it. `traffic` says which of them answers where a call names none."""

    _REPORTED = ("scoring_uri", "openapi_uri", "provisioning_state")

    name: str | None = None
    tags: dict[str, Any] | None = None
    properties: dict[str, Any] | None = None
    auth_mode: str = "key"
    description: str | None = None
    location: str | None = None
    traffic: dict[str, int] | None = None
    mirror_traffic: dict[str, int] | None = None
    identity: object = None
    scoring_uri: str | None = None
    openapi_uri: str | None = None
    provisioning_state: str | None = None
    kind: str | None = None

    def __post_init__(self) -> None:
        self.tags, self.properties = self.tags or {}, self.properties or {}
        self.traffic, self.mirror_traffic = self.traffic or {}, self.mirror_traffic or {}


@dataclass(kw_only=True, repr=False)
class ManagedOnlineEndpoint(OnlineEndpoint):
    """An endpoint, as Azure has it on its own machines; on this machine it is like any other."""

    public_network_access: str | None = None


@dataclass(kw_only=True, repr=False)
class KubernetesOnlineEndpoint(OnlineEndpoint):
    """An endpoint, as Azure has it on a cluster; on this machine it is like any other."""

    compute: str | None = None
