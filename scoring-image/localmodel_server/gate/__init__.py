"""The gate: requests with expected answers that a revision must pass before it serves."""

from localmodel_server.gate.check import GateFailed, run
from localmodel_server.gate.request import Request, read

__all__ = ["GateFailed", "Request", "read", "run"]
