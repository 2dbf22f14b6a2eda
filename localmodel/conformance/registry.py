"""The protocols that a server is examined in: a new one has a module here and a place in this list."""

from localmodel.conformance import azure, kserve_v1, mlflow, open_inference, sagemaker, strain
from localmodel.conformance.check import Check

CHECKS: list[Check] = [
    check for protocol in (azure, open_inference, kserve_v1, mlflow, sagemaker, strain) for check in protocol.CHECKS
]
