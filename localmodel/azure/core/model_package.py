"""What an image of a deployment is built from, as a folder that stands for itself."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localmodel.azure.core.workspace import Workspace


class ModelPackage:
    """A Dockerfile with its context, and the same deployment as a resource for a cluster (deployment.yaml)."""

    def __init__(self, workspace: "Workspace", arguments: Mapping[str, Any]) -> None:
        pass
