"""The gate: requests with expected answers that a revision must pass before it serves."""

from localmodel_server.gate.check import GateFailedError, run
from localmodel_server.gate.request import GateRequest, read

__all__ = ["GateFailedError", "GateRequest", "read", "run"]
