"""The class for deployments of any kind, which here are always on this machine."""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from localmodel.azure.exceptions import WebserviceException, refuse

if TYPE_CHECKING:
    from localmodel.azure.core.workspace import Workspace

__all__ = ["Webservice", "WebserviceException"]

_NO_KEYS = "a local deployment has no keys and no tokens: every program on this machine can call it"


class Webservice(ABC):
    """`Webservice(workspace, name)` is the LocalWebservice of this name."""

    name: str

    def __new__(cls, workspace: Workspace, name: str, *_: object, **__: object) -> Webservice:
        """A LocalWebservice."""
        from localmodel.azure.core.webservice.local import LocalWebservice

        return object.__new__(LocalWebservice if cls is Webservice else cls)

    # Never called, because __new__ returns an instance of the subclass. It declares the arguments.
    def __init__(self, workspace: Workspace, name: str) -> None:
        raise NotImplementedError

    @staticmethod
    def list(
        workspace: Workspace,
        compute_type: str | None = None,
        image_name: str | None = None,
        image_id: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: object = None,
        properties: object = None,
        image_digest: str | None = None,
    ) -> builtins.list[Webservice]:
        """The deployments, and with `model_name` or `model_id` those that use it."""
        from localmodel.azure.core.webservice.local import LocalWebservice

        advice = "Leave it out: deployments are found by name, or by model."
        refuse(
            "Webservice.list",
            compute_type=(None if str(compute_type).lower() in ("none", "local") else compute_type, advice),
            image_name=(image_name, advice),
            image_id=(image_id, advice),
            tags=(tags, advice),
            properties=(properties, advice),
            image_digest=(image_digest, advice),
        )
        return [*LocalWebservice.list(workspace, model_name, model_id)]

    @property
    @abstractmethod
    def state(self) -> str: ...

    @property
    @abstractmethod
    def scoring_uri(self) -> str | None: ...

    @property
    @abstractmethod
    def swagger_uri(self) -> str | None: ...

    @abstractmethod
    def wait_for_deployment(self, show_output: bool = False, timeout_sec: float | None = None) -> None: ...

    @abstractmethod
    def update_deployment_state(self) -> None: ...

    @abstractmethod
    def run(self, input_data: Any) -> Any: ...

    @abstractmethod
    def get_logs(self, num_lines: int = 5000) -> str: ...

    @abstractmethod
    def delete(self) -> None: ...

    @abstractmethod
    def serialize(self) -> dict[str, Any]: ...

    def get_keys(self) -> tuple[str, str]:
        """Refuse the call with `NotImplementedError`, as Azure ML's local deployments do."""
        raise NotImplementedError(_NO_KEYS)

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Refuse the call with `NotImplementedError`, as Azure ML's local deployments do."""
        raise NotImplementedError(_NO_KEYS)

    def get_token(self) -> tuple[str, str]:
        """Refuse the call with `NotImplementedError`, as Azure ML's local deployments do."""
        raise NotImplementedError(_NO_KEYS)
