"""Azure ML's SDK v2: local endpoints, models and environments."""

from localmodel import __version__ as VERSION
from localmodel.azure.ai.ml._client import MLClient
from localmodel.azure.ai.ml._load import (
    load_environment,
    load_model,
    load_online_deployment,
    load_online_endpoint,
)

__all__ = [
    "VERSION",
    "MLClient",
    "load_environment",
    "load_model",
    "load_online_deployment",
    "load_online_endpoint",
]
