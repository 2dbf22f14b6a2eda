"""Models, environments and code, named and numbered, kept as OCI artifacts in a folder."""

from localmodel.store.code import Code, CodeVersion
from localmodel.store.environments import Environments, EnvironmentVersion
from localmodel.store.models import Models, ModelVersion
from localmodel.store.store import Store

__all__ = [
    "Code",
    "CodeVersion",
    "EnvironmentVersion",
    "Environments",
    "ModelVersion",
    "Models",
    "Store",
]
