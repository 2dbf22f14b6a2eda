"""The dialects that this server speaks beside /score: a new one has a module here and a line in this table."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from localmodel_server.dialects import kserve_prefix, kserve_v1, mlflow, sagemaker
from localmodel_server.dialects.oip import open_inference
from localmodel_server.state import ServerState

ROUTERS: tuple[Callable[[ServerState], APIRouter], ...] = (
    open_inference.router,
    kserve_v1.router,
    kserve_prefix.router,
    mlflow.router,
    sagemaker.router,
)
